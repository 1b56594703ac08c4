BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE batches (
	batch VARCHAR NOT NULL, 
	quantity INTEGER NOT NULL, 
	alphabet VARCHAR NOT NULL, 
	length INTEGER NOT NULL, 
	canonical VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	pair_of VARCHAR, 
	product VARCHAR, 
	url VARCHAR, 
	ref VARCHAR, 
	request_digest VARCHAR NOT NULL, 
	entropy_bits FLOAT NOT NULL, 
	guess_probability FLOAT NOT NULL, 
	offline_bits FLOAT NOT NULL, 
	mint_record_sha256 VARCHAR NOT NULL, 
	minted_at VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	PRIMARY KEY (batch), 
	UNIQUE (ref)
);
INSERT INTO "batches" VALUES('B1',100,'abc',16,'crockford32','item',NULL,'cap',NULL,'R1','digest',80.0,1.0e-12,50.5,'record','2026-11-22T08:00:03.000000Z',8);
INSERT INTO "batches" VALUES('B2',50,'abc',16,'crockford32','item',NULL,'cap',NULL,NULL,'digest',80.0,1.0e-12,50.5,'record','2026-11-22T08:00:03.000000Z',9);
CREATE TABLE contacts (
	contact VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	channel VARCHAR, 
	added_at VARCHAR NOT NULL, 
	PRIMARY KEY (contact)
);
INSERT INTO "contacts" VALUES('li','Ms Li',NULL,'2026-11-22T08:00:00.000000Z');
CREATE TABLE counters (
	batch VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	codes INTEGER NOT NULL, 
	PRIMARY KEY (batch, state), 
	CONSTRAINT counter_not_negative CHECK (codes >= 0), 
	FOREIGN KEY(batch) REFERENCES batches (batch)
)
 WITHOUT ROWID

;
INSERT INTO "counters" VALUES('B1','active',12);
INSERT INTO "counters" VALUES('B1','frozen',7);
INSERT INTO "counters" VALUES('B1','packaged',30);
INSERT INTO "counters" VALUES('B1','reserved',0);
INSERT INTO "counters" VALUES('B1','sealed',50);
INSERT INTO "counters" VALUES('B1','void',1);
INSERT INTO "counters" VALUES('B2','active',0);
INSERT INTO "counters" VALUES('B2','frozen',0);
INSERT INTO "counters" VALUES('B2','packaged',0);
INSERT INTO "counters" VALUES('B2','reserved',10);
INSERT INTO "counters" VALUES('B2','sealed',50);
INSERT INTO "counters" VALUES('B2','void',0);
CREATE TABLE deliveries (
	"order" VARCHAR NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_attempt VARCHAR, 
	detail VARCHAR, 
	holder VARCHAR, 
	held_until VARCHAR, 
	PRIMARY KEY ("order"), 
	FOREIGN KEY("order") REFERENCES orders ("order")
);
INSERT INTO "deliveries" VALUES('O1',1,NULL,NULL,'me','2026-11-22T09:00:00.000000Z');
CREATE TABLE events (
	seq INTEGER NOT NULL, 
	type VARCHAR NOT NULL, 
	at VARCHAR NOT NULL, 
	operator VARCHAR NOT NULL, 
	os_user VARCHAR NOT NULL, 
	host VARCHAR NOT NULL, 
	key_id VARCHAR NOT NULL, 
	body VARCHAR NOT NULL, 
	previous VARCHAR NOT NULL, 
	hash VARCHAR NOT NULL, 
	signature VARCHAR NOT NULL, 
	PRIMARY KEY (seq), 
	UNIQUE (previous)
);
INSERT INTO "events" VALUES(1,'HomeMade','2026-11-22T08:00:00.000000Z','Ms Wang','mint','station-1','key-1','{"fingerprint_key_id":"fp-1","fingerprint_scheme":"hmac-sha256-128","home":"4F2K-AAAAAAAAAAAA"}','0000000000000000000000000000000000000000000000000000000000000000','b562e207840407d81b64234d092e30b376b3beb65f42660cfea404a8d80445db','5bbcd90008a1457da9a1edbd512ebcaa1fb3efae5ff6b5922b47272dc4fc5258e40d1cd0bbecb1a276a3bb30e399373547a9dddfcb177f12f4d7eb1e241e120c');
INSERT INTO "events" VALUES(2,'KeyAdded','2026-11-22T08:00:00.000000Z','Ms Wang','mint','station-1','key-1','{"key_id":"key-1","kind":"station","name":"station","seal_public":null,"sign_public":"8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"}','b562e207840407d81b64234d092e30b376b3beb65f42660cfea404a8d80445db','9b7909b0bdf48a93c3a2ff835b6b5eb716e971539245a3f442baa8b5a94ffeab','4fde2ce43a9ee2c9ed9b537868a415825e9195ed3b953f49b5fc0e11df8af46c287ffc17896e354b04a271ddfe3947643b442de1b938f52a5ce4891dfaa15f07');
INSERT INTO "events" VALUES(3,'KeyAdded','2026-11-22T08:00:00.000000Z','Ms Wang','mint','station-1','key-1','{"key_id":"key-2","kind":"line","name":"default","seal_public":null,"sign_public":"8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394"}','9b7909b0bdf48a93c3a2ff835b6b5eb716e971539245a3f442baa8b5a94ffeab','913c6f406fda7c9f3a3fe346c418c5692a0d370602f65ec6383a3d18c6e7fc1a','d6afb5ccdc9dccd5c66b70daf9e51d2bc1cd7c98d36cda382f2ebb1bf09111e6f26c99a2be2f89acaefe3abaff566534b7f4a62e0b0df92c47cdd9130558ff0f');
INSERT INTO "events" VALUES(4,'KeyAdded','2026-11-22T08:00:00.000000Z','Ms Wang','mint','station-1','key-1','{"key_id":"key-3","kind":"custodian","name":"custodian","seal_public":"ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c","sign_public":"ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1"}','913c6f406fda7c9f3a3fe346c418c5692a0d370602f65ec6383a3d18c6e7fc1a','53fcdf419e7c1d4ed43d66a1b2983fbfcea42c9dadc930b59ceaf92330e1d247','bb8d935b03bf39fb0a986562ef04f11004c62eba790654dd453f37b855377aa72383df1c56399bbfc4d582a503b462af1b4c88dab1548819c8b49763e205e70f');
INSERT INTO "events" VALUES(5,'ContactAdded','2026-11-22T08:00:00.000000Z','Ms Wang','mint','station-1','key-1','{"channel":null,"contact":"li","name":"Ms Li"}','53fcdf419e7c1d4ed43d66a1b2983fbfcea42c9dadc930b59ceaf92330e1d247','bdfa6a23d8ae45a8b0813db953218f58e2431bb6cd58db68dd28fce84b38054a','e83f0b8d26dd9603d4203d6e5abd212c848da6ae4fdbe0ae2f11d4d0f15adb2ea25703022e946123d597560af364c04d4b7d2d13ec94d737552b87a098837601');
INSERT INTO "events" VALUES(6,'KeyAdded','2026-11-22T08:00:01.000000Z','Ms Wang','mint','station-1','key-1','{"key_id":"key-5","kind":"line","name":"old","seal_public":null,"sign_public":"6e7a1cdd29b0b78fd13af4c5598feff4ef2a97166e3ca6f2e4fbfccd80505bf1"}','bdfa6a23d8ae45a8b0813db953218f58e2431bb6cd58db68dd28fce84b38054a','ebb5988da5c4cad64edb73526f800a53a148afb804fc3d54a56ae05d68f5cd6b','006a70d73d8f71445fa4503fbc6d5f120b788a41a6fa5dcfabc194ed8033cfdaeffe93b138b50e1ce0bed4a4340b417b697b413399c7c3f15aec87b08af1480b');
INSERT INTO "events" VALUES(7,'KeyRevoked','2026-11-22T08:00:02.000000Z','Ms Wang','mint','station-1','key-1','{"key_id":"key-5","reason":"lost"}','ebb5988da5c4cad64edb73526f800a53a148afb804fc3d54a56ae05d68f5cd6b','49be0d3a9de13b8fa40062636dfa842659f9b5dad319aad45bdbba9a0258834c','5e2e94e3a73615125c6f891b275c1e402a64e8a0b4c5fadbc2c07ccfcd43926552ffe06c6929b7f1ffe0001e8d0f7abf47be20a1adc38bd691625e7deb0cd501');
INSERT INTO "events" VALUES(8,'BatchMinted','2026-11-22T08:00:03.000000Z','Ms Wang','mint','station-1','key-1','{"alphabet":"abc","batch":"B1","canonical":"crockford32","entropy_bits":80,"guess_probability":1e-12,"length":16,"mint_record_sha256":"record","offline_bits":50.5,"pair_of":null,"product":"cap","quantity":100,"ref":"R1","request_digest":"digest","role":"item","url":null}','49be0d3a9de13b8fa40062636dfa842659f9b5dad319aad45bdbba9a0258834c','a648259e5ed82186a0e3fead25a8a069439757f28b17a6665df7bae76bf5732d','43b3805c871cae83568d45ff0c080d38e162bd3dbab12748dcfdc05eb41417e99c2a3c62f5556933f36ccf0a39ee92eb34a100b8a22b42ef41c201fcb645ff0a');
INSERT INTO "events" VALUES(9,'BatchMinted','2026-11-22T08:00:03.000000Z','Ms Wang','mint','station-1','key-1','{"alphabet":"abc","batch":"B2","canonical":"crockford32","entropy_bits":80,"guess_probability":1e-12,"length":16,"mint_record_sha256":"record","offline_bits":50.5,"pair_of":null,"product":"cap","quantity":50,"ref":null,"request_digest":"digest","role":"item","url":null}','a648259e5ed82186a0e3fead25a8a069439757f28b17a6665df7bae76bf5732d','e6ab7e74a1ff01e5558f75ff4f1a94b997225cc8e11633579c0c2e2dc32b42f8','2c989eee202773b44ff96b637639c7485f0f53fdc5ee0b1d9b151d0d95b8aa3a493077b653642d2212afdebd55dd3e053022e4a16674bac8f12cb6f255f9f40d');
INSERT INTO "events" VALUES(10,'ExportBegun','2026-11-22T08:00:04.000000Z','Ms Wang','mint','station-1','key-1','{"batch":"B1","contact":"li","package":"P1","profile":"csv","serials":[[1,30],[41,60]]}','e6ab7e74a1ff01e5558f75ff4f1a94b997225cc8e11633579c0c2e2dc32b42f8','447c7ff22c2ef577eef88a5883be44ec43dffffbccab6ff409a6fc453ea22b12','56959f7adc77b6460cdee411fe05780b137b8a1be2776c578615d84acf5f3cb6b256091a498f114dda4040c2798ee734487ddcce150e0719ae3e9a4358e20e08');
INSERT INTO "events" VALUES(11,'Packaged','2026-11-22T08:00:05.000000Z','Ms Wang','mint','station-1','key-3','{"archive":"P1.zip","archive_bytes":9,"archive_sha256":"sha","custodian_key_id":"key-3","manifest_sha256":"sha","package":"P1","template":"{code}","units":[{"first":1,"last":30,"name":"data/0001.csv","rows":30,"sha256":"sha","unit":"P1-1"},{"first":41,"last":60,"name":"data/0002.csv","rows":20,"sha256":"sha","unit":"P1-2"}]}','447c7ff22c2ef577eef88a5883be44ec43dffffbccab6ff409a6fc453ea22b12','c66c8a976214d09f6e91b5f8cefd6a0fdab9d8dc62a7fa3170fb80c18df0f91a','85573968ca273023129dae684564623619f29c46d6e2c5f4b1c8de37a594f2e8d2c0a1c350de00e4365b44255cc143905ee746212c15818bd346846cecaea80b');
INSERT INTO "events" VALUES(12,'ExportBegun','2026-11-22T08:00:06.000000Z','Ms Wang','mint','station-1','key-1','{"batch":"B2","contact":"li","package":"P2","profile":"csv","serials":[[1,10]]}','c66c8a976214d09f6e91b5f8cefd6a0fdab9d8dc62a7fa3170fb80c18df0f91a','38a83fa7e5329feee5ce8f6ec3453cbd77d6bec1262596ecd943eacef92e63ec','f263314dcfd7874b22dcd615044b5ccf47abaac6371a1aa229b58ed76441ce96f88e8fcd49bf3be2120e2073564636443cf504a5e1d5c27626bd69a12ca4720f');
INSERT INTO "events" VALUES(13,'ExportAbandoned','2026-11-22T08:00:07.000000Z','Ms Wang','mint','station-1','key-1','{"package":"P2","reason":"interrupted"}','38a83fa7e5329feee5ce8f6ec3453cbd77d6bec1262596ecd943eacef92e63ec','22dc3832bdf2a1107f22d17706d577aa8616c40727249f40b1140c7a64b51e58','564ef9720814eef0aa6954c1d8fb84cdd7337f8cead0a018cfafef1d64f685b5bd55b7ca12769bf0dba093ae50701f86befda7f97b16e88dd1c5c41226c9ca03');
INSERT INTO "events" VALUES(14,'Ordered','2026-11-22T08:00:08.000000Z','Ms Wang','mint','station-1','key-2','{"action":"activate","attributes":{"lot":"L1"},"batch":"B1","count":null,"from_state":null,"line":null,"order":"O1","reason":null,"serials":[[1,20]],"skip_void":true}','22dc3832bdf2a1107f22d17706d577aa8616c40727249f40b1140c7a64b51e58','e58b57c85d72b161d64f47951d41a060624e32bf8446ab64aebb34b597706dcd','2946bfcf980137caf0b333e12cff13eaf51d0acdacad3932271c7ce06bcbbf609503eab06ad667198f5af69904b4cedf436a05b67e9cf59debadef00a6f86004');
INSERT INTO "events" VALUES(15,'Ordered','2026-11-22T08:00:09.000000Z','Ms Wang','mint','station-1','key-2','{"action":"void","attributes":{},"batch":"B1","count":1,"from_state":null,"line":null,"order":"O2","reason":"damaged","serials":[[5,5]],"skip_void":true}','e58b57c85d72b161d64f47951d41a060624e32bf8446ab64aebb34b597706dcd','41c458ba3e8208e5067463e4ca7152e334efbed8f50bcbfe356d07e342ce8304','0110696ae4df22315eff71c30c4266636b08e9e61af458ed19cd33fcd650962db833d6d1e961fbb1c856640934e9fc0d7c4aed996274eaa13134db9745e38105');
INSERT INTO "events" VALUES(16,'Ordered','2026-11-22T08:00:10.000000Z','Ms Wang','mint','station-1','key-2','{"action":"freeze","attributes":{},"batch":"B1","count":null,"from_state":"active","line":null,"order":"O3","reason":null,"serials":[[1,8]],"skip_void":true}','41c458ba3e8208e5067463e4ca7152e334efbed8f50bcbfe356d07e342ce8304','4bceaa1b329f7b43709e5d1fe3012d13c0cd92f319fed2b75aad8ca4669b5bb2','20b9b8ec1ffebbca4659751794fe7683c32749250d035c24aea325cbcc0ce6ba88b0dab186c8045116dbe55fc296fdc0f5e8cedf1dfb850a99e96bac33c4d808');
INSERT INTO "events" VALUES(17,'Settled','2026-11-22T08:00:11.000000Z','Ms Wang','mint','station-1','key-2','{"detail":null,"order":"O1","status":"acknowledged"}','4bceaa1b329f7b43709e5d1fe3012d13c0cd92f319fed2b75aad8ca4669b5bb2','ab1db3bf91e368b0a4389978b377730ff587b755a2db41c9d7ee1352fea81e39','c76c7e9a319d74c6edbf6533a650f95169aea6a115caee7104ed4e110422300738410928f5be69d3453fab2fc171f63807c9825d060de0b415bbeb644ca53603');
INSERT INTO "events" VALUES(18,'Incident','2026-11-22T08:00:12.000000Z','Ms Wang','mint','station-1','key-2','{"detail":"twice in an hour","kind":"repeated-export"}','ab1db3bf91e368b0a4389978b377730ff587b755a2db41c9d7ee1352fea81e39','15e12b3a6843cfda1e91f250cef8b2d6ff88a907bd382625bad0a27c0c6bb5e5','b3545b275f310855f2a8c1fa44ac1b9633a5425726e9c9718826e1b0d77211b7eaaf5b2f53ee5e2a74ce1095fc01d881295c4e24dc05dc8d129879dfdd002d00');
INSERT INTO "events" VALUES(19,'ExportBegun','2026-11-22T08:00:13.000000Z','Ms Wang','mint','station-1','key-1','{"batch":"B2","contact":"li","package":"P3","profile":"csv","serials":[[11,20]]}','15e12b3a6843cfda1e91f250cef8b2d6ff88a907bd382625bad0a27c0c6bb5e5','4d5e039fc757e1109b669921be05efa9f2b59dee9e23c66dfdd844962841b8cd','f55b3d4a14ffb5b246bd3ca4b15d5739b83d19ede572f455e8de44cf3bae1180a70092d75bfebc0b825cc66a62edde7b85904b3d8b8c299a5c4dc272598e4302');
CREATE TABLE homes (
	home VARCHAR NOT NULL, 
	fingerprint_scheme VARCHAR NOT NULL, 
	fingerprint_key_id VARCHAR NOT NULL, 
	made_at VARCHAR NOT NULL, 
	PRIMARY KEY (home)
);
INSERT INTO "homes" VALUES('4F2K-AAAAAAAAAAAA','hmac-sha256-128','fp-1','2026-11-22T08:00:00.000000Z');
CREATE TABLE keys (
	key_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	sign_public VARCHAR NOT NULL, 
	seal_public VARCHAR, 
	added_at VARCHAR NOT NULL, 
	revoked_at VARCHAR, 
	revoked_because VARCHAR, 
	PRIMARY KEY (key_id)
);
INSERT INTO "keys" VALUES('key-1','station','station','8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c',NULL,'2026-11-22T08:00:00.000000Z',NULL,NULL);
INSERT INTO "keys" VALUES('key-2','line','default','8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394',NULL,'2026-11-22T08:00:00.000000Z',NULL,NULL);
INSERT INTO "keys" VALUES('key-3','custodian','custodian','ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1','ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c','2026-11-22T08:00:00.000000Z',NULL,NULL);
INSERT INTO "keys" VALUES('key-5','line','old','6e7a1cdd29b0b78fd13af4c5598feff4ef2a97166e3ca6f2e4fbfccd80505bf1',NULL,'2026-11-22T08:00:01.000000Z','2026-11-22T08:00:02.000000Z','lost');
CREATE TABLE orders (
	"order" VARCHAR NOT NULL, 
	seq INTEGER NOT NULL, 
	batch VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	applied INTEGER NOT NULL, 
	skipped VARCHAR NOT NULL, 
	skipped_count INTEGER NOT NULL, 
	settled_at VARCHAR, 
	detail VARCHAR, 
	PRIMARY KEY ("order"), 
	UNIQUE (seq), 
	FOREIGN KEY(seq) REFERENCES events (seq), 
	FOREIGN KEY(batch) REFERENCES batches (batch)
);
INSERT INTO "orders" VALUES('O1',14,'B1','acknowledged',20,'[]',0,'2026-11-22T08:00:11.000000Z',NULL);
INSERT INTO "orders" VALUES('O2',15,'B1','queued',1,'[]',0,NULL,NULL);
INSERT INTO "orders" VALUES('O3',16,'B1','queued',7,'[[5,5]]',1,NULL,NULL);
CREATE TABLE packages (
	package VARCHAR NOT NULL, 
	batch VARCHAR NOT NULL, 
	serials VARCHAR NOT NULL, 
	contact VARCHAR NOT NULL, 
	profile VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	begun_at VARCHAR NOT NULL, 
	ended_at VARCHAR, 
	template VARCHAR, 
	archive VARCHAR, 
	archive_bytes INTEGER, 
	archive_sha256 VARCHAR, 
	manifest_sha256 VARCHAR, 
	custodian_key_id VARCHAR, 
	abandoned_because VARCHAR, 
	seq INTEGER NOT NULL, 
	PRIMARY KEY (package), 
	FOREIGN KEY(batch) REFERENCES batches (batch), 
	FOREIGN KEY(contact) REFERENCES contacts (contact)
);
INSERT INTO "packages" VALUES('P1','B1','[[1,30],[41,60]]','li','csv','packaged','2026-11-22T08:00:04.000000Z','2026-11-22T08:00:05.000000Z','{code}','P1.zip',9,'sha','sha','key-3',NULL,10);
INSERT INTO "packages" VALUES('P2','B2','[[1,10]]','li','csv','abandoned','2026-11-22T08:00:06.000000Z','2026-11-22T08:00:07.000000Z',NULL,NULL,NULL,NULL,NULL,NULL,'interrupted',12);
INSERT INTO "packages" VALUES('P3','B2','[[11,20]]','li','csv','begun','2026-11-22T08:00:13.000000Z',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,19);
CREATE TABLE tiles (
	batch VARCHAR NOT NULL, 
	first INTEGER NOT NULL, 
	last INTEGER NOT NULL, 
	state VARCHAR NOT NULL, 
	back VARCHAR, 
	package VARCHAR, 
	attributes VARCHAR NOT NULL, 
	reason VARCHAR, 
	PRIMARY KEY (batch, first), 
	CONSTRAINT tile_not_backwards CHECK (1 <= "first" AND "first" <= "last"), 
	FOREIGN KEY(batch) REFERENCES batches (batch)
)
 WITHOUT ROWID

;
INSERT INTO "tiles" VALUES('B1',1,4,'frozen','active','P1','{"lot": "L1"}',NULL);
INSERT INTO "tiles" VALUES('B1',5,5,'void','packaged','P1','{"lot": "L1"}','damaged');
INSERT INTO "tiles" VALUES('B1',6,8,'frozen','active','P1','{"lot": "L1"}',NULL);
INSERT INTO "tiles" VALUES('B1',9,20,'active',NULL,'P1','{"lot": "L1"}',NULL);
INSERT INTO "tiles" VALUES('B1',21,30,'packaged',NULL,'P1','{}',NULL);
INSERT INTO "tiles" VALUES('B1',31,40,'sealed',NULL,NULL,'{}',NULL);
INSERT INTO "tiles" VALUES('B1',41,60,'packaged',NULL,'P1','{}',NULL);
INSERT INTO "tiles" VALUES('B1',61,100,'sealed',NULL,NULL,'{}',NULL);
INSERT INTO "tiles" VALUES('B2',1,10,'sealed',NULL,NULL,'{}',NULL);
INSERT INTO "tiles" VALUES('B2',11,20,'sealed',NULL,'P3','{}',NULL);
INSERT INTO "tiles" VALUES('B2',21,50,'sealed',NULL,NULL,'{}',NULL);
CREATE TABLE units (
	package VARCHAR NOT NULL, 
	unit VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	first INTEGER NOT NULL, 
	last INTEGER NOT NULL, 
	rows INTEGER NOT NULL, 
	sha256 VARCHAR NOT NULL, 
	PRIMARY KEY (package, unit), 
	FOREIGN KEY(package) REFERENCES packages (package)
);
INSERT INTO "units" VALUES('P1','P1-1','data/0001.csv',1,30,30,'sha');
INSERT INTO "units" VALUES('P1','P1-2','data/0002.csv',41,60,20,'sha');
CREATE INDEX packages_of_batch ON packages (batch, seq);
CREATE INDEX orders_by_status ON orders (status, batch, seq);
CREATE INDEX orders_of_batch ON orders (batch, seq);
CREATE INDEX units_by_serial ON units (package, first);
COMMIT;
