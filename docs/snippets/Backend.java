// The parts of a scan backend that must agree to the bit, to copy from. Java 17, no libraries.
//
// Canonical form and fingerprint of a scanned code; the signature of a line's request (RFC 9421,
// docs/signing.md), and the nonces that were used.

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Backend {
    static final List<String> COVERED = List.of("@method", "@authority", "@path", "@query");
    static final Set<String> NUMBERS = Set.of("created", "expires");
    static final Set<String> TEXTS = Set.of("keyid", "nonce", "tag", "alg");
    // SubjectPublicKeyInfo of an Ed25519 key (RFC 8410): these bytes, then the 32 bytes of the key.
    static final byte[] SPKI = HexFormat.of().parseHex("302a300506032b6570032100");
    // The canonical form of RFC 9651, which is what signers write. ++ and *+, because + and * take
    // a stack frame per repetition.
    static final String TEXT = "\"((?:[ !#-\\[\\]-~]|\\\\[\"\\\\])*+)\"";
    static final String NUMBER = "(0|-?[1-9][0-9]{0,14}+)";
    static final Pattern PARAMETER = Pattern.compile(";([a-z]++)=(?:" + TEXT + "|" + NUMBER + ")");
    static final Pattern INPUT = Pattern.compile(
        "([a-z*][a-z0-9_.*-]*+)=(\\((\"[a-z0-9@-]++\"(?: \"[a-z0-9@-]++\")*+)\\)"
        + "((?:;[a-z]++=(?:\"(?:[ !#-\\[\\]-~]|\\\\[\"\\\\])*+\"|0|-?[1-9][0-9]{0,14}+))++))");
    static final Pattern SIGNATURE =
        Pattern.compile("([a-z*][a-z0-9_.*-]*+)=:([A-Za-z0-9+/]++={0,2}):");

    /** A line's key: for ed25519 the 32 bytes of the public key, for hmac-sha256 the secret. */
    record Key(String algorithm, byte[] bytes) {}

    /** Whose good signature a request bears. The nonce must be new to you: see {@link Nonces}. */
    record Signed(String keyId, String nonce) {}

    // Only ASCII letters: toUpperCase would turn ß into SS.
    /** The canonical form of a scanned text; null if it cannot be a code. */
    static String canonical(String rule, String text) {
        StringBuilder folded = new StringBuilder();
        for (char letter : text.toCharArray()) {
            char upper = letter >= 'a' && letter <= 'z' ? (char) (letter - 32) : letter;
            if (rule.equals("crockford32")) {
                if (upper == ' ' || upper == '-') {
                    continue;
                }
                upper = upper == 'O' ? '0' : upper == 'I' || upper == 'L' ? '1' : upper;
            }
            if (upper < '!' || upper > '~') {
                return null;
            }
            folded.append(upper);
        }
        boolean fits = text.length() <= 256 && !folded.isEmpty() && folded.length() <= 64;
        return fits ? folded.toString() : null;
    }

    /** The first 16 bytes of HMAC-SHA-256 over the canonical code. */
    static byte[] fingerprint(byte[] key, String code) throws GeneralSecurityException {
        return Arrays.copyOf(hmac(key, code.getBytes(StandardCharsets.US_ASCII)), 16);
    }

    /**
     * Key id and nonce of a good signature, or null. In values: @method, @authority (the Host
     * header), @path, @query (with its "?"), and the headers, their names in small letters; a
     * header that came twice is joined by ", ". hosts: your names in the lines' URLs, with the port
     * if the URL has a port. A request that is signed for your test system must not pass here.
     */
    static Signed verified(
            Map<String, Key> keys, Set<String> hosts, long now, Map<String, String> values,
            byte[] body) throws GeneralSecurityException {
        String input = values.getOrDefault("signature-input", "");
        String signature = values.getOrDefault("signature", "");
        if (input.length() > 4_096 || signature.length() > 4_096) {
            return null;
        }
        var found = INPUT.matcher(input);
        var sent = SIGNATURE.matcher(signature);
        if (!found.matches() || !sent.matches() || !found.group(1).equals(sent.group(1))) {
            return null;
        }
        Map<String, String> given = parameters(found.group(4));
        String list = found.group(3);
        List<String> covered = List.of(list.substring(1, list.length() - 1).split("\" \""));
        // Whoever changes the body can change a digest that is not covered. Nothing else is
        // covered: behind a proxy, you could not tell what @target-uri or @scheme was.
        boolean digest = body.length > 0 || values.containsKey("content-digest");
        int count = COVERED.size() + (digest ? 1 : 0);
        if (given == null || covered.size() != count || !covered.containsAll(COVERED)
                || digest != covered.contains("content-digest")) {
            return null;
        }
        Key key = keys.get(given.get("keyid"));
        // RFC 9421, section 3.2: an algorithm that is named must be the key's.
        if (key == null || !given.getOrDefault("alg", key.algorithm()).equals(key.algorithm())) {
            return null;
        }
        long created = Long.parseLong(given.get("created"));
        long expires = Long.parseLong(given.get("expires"));
        String authority = lower(values.getOrDefault("@authority", ""));
        int length = given.get("nonce").length();
        if (!given.get("tag").equals("mintmark") || length < 16 || length > 128
                || !hosts.contains(authority)
                || now < created - 60 || now > Math.min(expires, created + 300)
                || (digest && !isDigest(values.getOrDefault("content-digest", ""), body))) {
            return null;
        }
        // RFC 9421, section 2.5: a line for each covered component, then the parameters.
        StringBuilder base = new StringBuilder();
        for (String name : covered) {
            String value = name.equals("@authority") ? authority : values.getOrDefault(name, "");
            base.append('"').append(name).append("\": ").append(value).append('\n');
        }
        base.append("\"@signature-params\": ").append(found.group(2));
        byte[] bytes = base.toString().getBytes(StandardCharsets.ISO_8859_1);
        boolean good = isSigned(key, bytes, sent.group(2));
        return good ? new Signed(given.get("keyid"), given.get("nonce")) : null;
    }

    /** The agreed parameters, each once; null if there are others, or if others are missing. */
    private static Map<String, String> parameters(String text) {
        Map<String, String> given = new HashMap<>();
        var each = PARAMETER.matcher(text);
        while (each.find()) {
            boolean number = each.group(3) != null;
            String value = number ? each.group(3) : each.group(2).replaceAll("\\\\(.)", "$1");
            if (!(number ? NUMBERS : TEXTS).contains(each.group(1))
                    || given.put(each.group(1), value) != null) {
                return null;
            }
        }
        return given.size() - (given.containsKey("alg") ? 1 : 0) == 5 ? given : null;
    }

    /** Whether every member of a Content-Digest (RFC 9530) is right, for the body as it came. */
    private static boolean isDigest(String field, byte[] body) throws GeneralSecurityException {
        List<String> members = List.of(field.split(", ", -1));
        Base64.Encoder base64 = Base64.getEncoder();
        for (String member : members) {
            String name = member.substring(0, Math.min(7, member.length()));
            if (!name.equals("sha-256") && !name.equals("sha-512")) {
                return false;
            }
            byte[] hash = MessageDigest.getInstance(name.replace("sha", "SHA")).digest(body);
            if (!member.equals(name + "=:" + base64.encodeToString(hash) + ":")) {
                return false;
            }
        }
        return Set.copyOf(members).size() == members.size();
    }

    private static boolean isSigned(Key key, byte[] base, String text)
            throws GeneralSecurityException {
        try {
            byte[] signature = Base64.getDecoder().decode(text);
            if (!Base64.getEncoder().encodeToString(signature).equals(text)) {
                return false;
            }
            if (key.algorithm().equals("hmac-sha256")) {
                return MessageDigest.isEqual(hmac(key.bytes(), base), signature);
            }
            byte[] encoded = Arrays.copyOf(SPKI, SPKI.length + 32);
            System.arraycopy(key.bytes(), 0, encoded, SPKI.length, 32);
            PublicKey known =
                KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded));
            Signature check = Signature.getInstance("Ed25519");
            check.initVerify(known);
            check.update(base);
            return check.verify(signature);
        } catch (java.security.SignatureException | IllegalArgumentException error) {
            return false;
        }
    }

    private static byte[] hmac(byte[] key, byte[] message) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(message);
    }

    private static String lower(String text) {
        return text.toLowerCase(java.util.Locale.ROOT);
    }

    /**
     * The nonces that were used, in a file of one process: they outlive a restart. With a database,
     * take a table whose primary key is (key id, nonce) instead, and let an insert decide.
     */
    static final class Nonces implements AutoCloseable {
        private final Map<String, Long> until = new HashMap<>();
        private final FileChannel file;

        Nonces(Path path, long now) throws IOException {
            if (Files.exists(path)) {
                for (String line : Files.readAllLines(path, StandardCharsets.US_ASCII)) {
                    String[] parts = line.split(" ", 2);
                    // A line that a crash cut off was never answered.
                    if (parts.length == 2 && parts[0].matches("[0-9]{1,15}")) {
                        until.put(parts[1], Long.parseLong(parts[0]));
                    }
                }
            }
            until.values().removeIf(end -> end < now);
            file = FileChannel.open(
                path, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
        }

        /** Whether the key never used this nonce. From now on it has. */
        synchronized boolean fresh(Signed signed, long now) throws IOException {
            // In hex, so that a nonce holds neither the line's end nor the space between the two.
            String name = HexFormat.of().formatHex(signed.keyId().getBytes(StandardCharsets.UTF_8))
                + " " + HexFormat.of().formatHex(signed.nonce().getBytes(StandardCharsets.UTF_8));
            until.values().removeIf(end -> end < now);
            // As long as it could pass: five minutes, and one for the clock of either side.
            if (until.putIfAbsent(name, now + 420) != null) {
                return false;
            }
            String line = (now + 420) + " " + name + "\n";
            file.write(ByteBuffer.wrap(line.getBytes(StandardCharsets.US_ASCII)));
            file.force(false);
            return true;
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
