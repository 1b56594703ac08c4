-- A shared ledger as revision 0013 made it: the first that lay on PostgreSQL.

CREATE TABLE events (
	seq BIGINT NOT NULL,
	type TEXT COLLATE "C" NOT NULL,
	at TEXT COLLATE "C" NOT NULL,
	operator TEXT COLLATE "C" NOT NULL,
	os_user TEXT COLLATE "C" NOT NULL,
	host TEXT COLLATE "C" NOT NULL,
	key_id TEXT COLLATE "C" NOT NULL,
	body TEXT COLLATE "C" NOT NULL,
	previous TEXT COLLATE "C" NOT NULL,
	hash TEXT COLLATE "C" NOT NULL,
	signature TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (seq),
	UNIQUE (previous)
);

CREATE INDEX events_by_time ON events (at);

CREATE TABLE homes (
	home TEXT COLLATE "C" NOT NULL,
	fingerprint_scheme TEXT COLLATE "C" NOT NULL,
	fingerprint_key_id TEXT COLLATE "C" NOT NULL,
	made_at TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (home)
);

CREATE TABLE keys (
	key_id TEXT COLLATE "C" NOT NULL,
	kind TEXT COLLATE "C" NOT NULL,
	name TEXT COLLATE "C" NOT NULL,
	sign_public TEXT COLLATE "C" NOT NULL,
	seal_public TEXT COLLATE "C",
	added_at TEXT COLLATE "C" NOT NULL,
	revoked_at TEXT COLLATE "C",
	revoked_because TEXT COLLATE "C",
	may TEXT COLLATE "C",
	PRIMARY KEY (key_id)
);

CREATE TABLE contacts (
	contact TEXT COLLATE "C" NOT NULL,
	name TEXT COLLATE "C" NOT NULL,
	channel TEXT COLLATE "C",
	added_at TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (contact)
);

CREATE TABLE batches (
	batch TEXT COLLATE "C" NOT NULL,
	quantity BIGINT NOT NULL,
	alphabet TEXT COLLATE "C" NOT NULL,
	length BIGINT NOT NULL,
	canonical TEXT COLLATE "C" NOT NULL,
	role TEXT COLLATE "C" NOT NULL,
	pair_of TEXT COLLATE "C",
	product TEXT COLLATE "C",
	url TEXT COLLATE "C",
	ref TEXT COLLATE "C",
	request_digest TEXT COLLATE "C" NOT NULL,
	entropy_bits DOUBLE PRECISION NOT NULL,
	guess_probability DOUBLE PRECISION NOT NULL,
	offline_bits DOUBLE PRECISION NOT NULL,
	mint_record_sha256 TEXT COLLATE "C" NOT NULL,
	minted_at TEXT COLLATE "C" NOT NULL,
	seq BIGINT NOT NULL,
	sscc_prefix TEXT COLLATE "C",
	sscc_extension BIGINT,
	sscc_first BIGINT,
	sscc_from TEXT COLLATE "C",
	PRIMARY KEY (batch),
	UNIQUE (ref)
);

CREATE UNIQUE INDEX batches_by_sscc ON batches (sscc_from);

CREATE INDEX batches_by_pair ON batches (pair_of);

CREATE TABLE objects (
	batch TEXT COLLATE "C" NOT NULL,
	part TEXT COLLATE "C" NOT NULL,
	key TEXT COLLATE "C" NOT NULL,
	size BIGINT NOT NULL,
	sha256 TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (batch, part),
	FOREIGN KEY(batch) REFERENCES batches (batch)
);

CREATE UNIQUE INDEX objects_by_key ON objects (key);

CREATE TABLE counters (
	batch TEXT COLLATE "C" NOT NULL,
	state TEXT COLLATE "C" NOT NULL,
	codes BIGINT NOT NULL,
	PRIMARY KEY (batch, state),
	CONSTRAINT counter_not_negative CHECK (codes >= 0),
	FOREIGN KEY(batch) REFERENCES batches (batch)
);

CREATE TABLE tiles (
	batch TEXT COLLATE "C" NOT NULL,
	first BIGINT NOT NULL,
	last BIGINT NOT NULL,
	state TEXT COLLATE "C" NOT NULL,
	back TEXT COLLATE "C",
	package TEXT COLLATE "C",
	attributes TEXT COLLATE "C" NOT NULL,
	reason TEXT COLLATE "C",
	PRIMARY KEY (batch, first),
	CONSTRAINT tile_not_backwards CHECK (1 <= "first" AND "first" <= "last"),
	FOREIGN KEY(batch) REFERENCES batches (batch)
);

CREATE TABLE packages (
	package TEXT COLLATE "C" NOT NULL,
	batch TEXT COLLATE "C" NOT NULL,
	serials TEXT COLLATE "C" NOT NULL,
	contact TEXT COLLATE "C" NOT NULL,
	profile TEXT COLLATE "C" NOT NULL,
	status TEXT COLLATE "C" NOT NULL,
	begun_at TEXT COLLATE "C" NOT NULL,
	ended_at TEXT COLLATE "C",
	template TEXT COLLATE "C",
	archive TEXT COLLATE "C",
	archive_bytes BIGINT,
	archive_sha256 TEXT COLLATE "C",
	manifest_sha256 TEXT COLLATE "C",
	custodian_key_id TEXT COLLATE "C",
	abandoned_because TEXT COLLATE "C",
	seq BIGINT NOT NULL,
	superseded_by TEXT COLLATE "C",
	supersedes TEXT COLLATE "C",
	replaces TEXT COLLATE "C",
	reason TEXT COLLATE "C",
	layout TEXT COLLATE "C",
	printed BIGINT DEFAULT '0' NOT NULL,
	printed_by_count BIGINT DEFAULT '0' NOT NULL,
	spoiled BIGINT DEFAULT '0' NOT NULL,
	spoiled_count BIGINT DEFAULT '0' NOT NULL,
	unused BIGINT DEFAULT '0' NOT NULL,
	final_at TEXT COLLATE "C",
	pair TEXT COLLATE "C",
	pair_template TEXT COLLATE "C",
	copies BIGINT DEFAULT '1' NOT NULL,
	PRIMARY KEY (package),
	FOREIGN KEY(batch) REFERENCES batches (batch),
	FOREIGN KEY(contact) REFERENCES contacts (contact)
);

CREATE INDEX packages_of_pair ON packages (pair, seq);

CREATE INDEX packages_of_batch ON packages (batch, seq);

CREATE TABLE orders (
	order_id TEXT COLLATE "C" NOT NULL,
	seq BIGINT NOT NULL,
	batch TEXT COLLATE "C" NOT NULL,
	status TEXT COLLATE "C" NOT NULL,
	applied BIGINT NOT NULL,
	skipped TEXT COLLATE "C" NOT NULL,
	skipped_count BIGINT NOT NULL,
	settled_at TEXT COLLATE "C",
	detail TEXT COLLATE "C",
	PRIMARY KEY (order_id),
	UNIQUE (seq),
	FOREIGN KEY(seq) REFERENCES events (seq),
	FOREIGN KEY(batch) REFERENCES batches (batch)
);

CREATE INDEX orders_of_batch ON orders (batch, seq);

CREATE INDEX orders_by_status ON orders (status, batch, seq);

CREATE TABLE scheduled (
	order_id TEXT COLLATE "C" NOT NULL,
	seq BIGINT NOT NULL,
	batch TEXT COLLATE "C" NOT NULL,
	at TEXT COLLATE "C" NOT NULL,
	status TEXT COLLATE "C" NOT NULL,
	ended_at TEXT COLLATE "C",
	detail TEXT COLLATE "C",
	digest TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (order_id),
	UNIQUE (seq),
	FOREIGN KEY(seq) REFERENCES events (seq),
	FOREIGN KEY(batch) REFERENCES batches (batch)
);

CREATE INDEX scheduled_by_status ON scheduled (status, at, seq);

CREATE TABLE links (
	batch TEXT COLLATE "C" NOT NULL,
	first BIGINT NOT NULL,
	last BIGINT NOT NULL,
	parent_batch TEXT COLLATE "C" NOT NULL,
	parent BIGINT NOT NULL,
	PRIMARY KEY (batch, first),
	CONSTRAINT link_not_backwards CHECK (1 <= "first" AND "first" <= "last"),
	FOREIGN KEY(batch) REFERENCES batches (batch),
	FOREIGN KEY(parent_batch) REFERENCES batches (batch)
);

CREATE INDEX links_by_parent ON links (parent_batch, parent, batch, first);

CREATE TABLE scan_ins (
	scan_in TEXT COLLATE "C" NOT NULL,
	seq BIGINT NOT NULL,
	number BIGINT NOT NULL,
	dealer TEXT COLLATE "C" NOT NULL,
	at TEXT COLLATE "C" NOT NULL,
	codes BIGINT NOT NULL,
	PRIMARY KEY (scan_in),
	UNIQUE (seq),
	FOREIGN KEY(seq) REFERENCES events (seq)
);

CREATE INDEX scan_ins_by_number ON scan_ins (number);

CREATE TABLE units (
	package TEXT COLLATE "C" NOT NULL,
	unit TEXT COLLATE "C" NOT NULL,
	name TEXT COLLATE "C" NOT NULL,
	first BIGINT NOT NULL,
	last BIGINT NOT NULL,
	rows BIGINT NOT NULL,
	sha256 TEXT COLLATE "C" NOT NULL,
	status TEXT COLLATE "C" DEFAULT 'made' NOT NULL,
	moved_at TEXT COLLATE "C",
	note TEXT COLLATE "C",
	spoiled_count BIGINT DEFAULT '0' NOT NULL,
	counted BIGINT DEFAULT '0' NOT NULL,
	PRIMARY KEY (package, unit),
	FOREIGN KEY(package) REFERENCES packages (package)
);

CREATE INDEX units_by_serial ON units (package, first);

CREATE TABLE receipts (
	seq BIGINT NOT NULL,
	package TEXT COLLATE "C" NOT NULL,
	printed BIGINT NOT NULL,
	spoiled BIGINT NOT NULL,
	spoiled_count BIGINT NOT NULL,
	final BIGINT NOT NULL,
	reason TEXT COLLATE "C" NOT NULL,
	reported_at TEXT COLLATE "C" NOT NULL,
	printed_by_count BIGINT DEFAULT '0' NOT NULL,
	corrects BIGINT DEFAULT '0' NOT NULL,
	PRIMARY KEY (seq),
	FOREIGN KEY(seq) REFERENCES events (seq),
	FOREIGN KEY(package) REFERENCES packages (package)
);

CREATE INDEX receipts_of_package ON receipts (package, seq);

CREATE TABLE reported_serials (
	package TEXT COLLATE "C" NOT NULL,
	first BIGINT NOT NULL,
	last BIGINT NOT NULL,
	unit TEXT COLLATE "C" NOT NULL,
	outcome TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (package, first),
	FOREIGN KEY(package) REFERENCES packages (package)
);

CREATE TABLE order_batches (
	order_id TEXT COLLATE "C" NOT NULL,
	batch TEXT COLLATE "C" NOT NULL,
	seq BIGINT NOT NULL,
	status TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (order_id, batch),
	FOREIGN KEY(order_id) REFERENCES orders (order_id),
	FOREIGN KEY(batch) REFERENCES batches (batch)
);

CREATE INDEX order_batches_of_batch ON order_batches (batch, seq);

CREATE INDEX order_batches_by_status ON order_batches (status, batch, seq);

CREATE TABLE verified (
	seq BIGINT NOT NULL,
	package TEXT COLLATE "C" NOT NULL,
	units TEXT COLLATE "C" NOT NULL,
	serials TEXT COLLATE "C" NOT NULL,
	pictures BIGINT NOT NULL,
	codes BIGINT NOT NULL,
	verified_at TEXT COLLATE "C" NOT NULL,
	PRIMARY KEY (seq),
	FOREIGN KEY(seq) REFERENCES events (seq),
	FOREIGN KEY(package) REFERENCES packages (package)
);

CREATE INDEX verified_of_package ON verified (package, seq);

CREATE TABLE deliveries (
	order_id TEXT COLLATE "C" NOT NULL,
	attempts BIGINT NOT NULL,
	next_attempt TEXT COLLATE "C",
	detail TEXT COLLATE "C",
	holder TEXT COLLATE "C",
	held_until TEXT COLLATE "C",
	PRIMARY KEY (order_id),
	FOREIGN KEY(order_id) REFERENCES orders (order_id)
);
