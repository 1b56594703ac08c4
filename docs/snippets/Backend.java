// The parts of a scan backend that must agree to the bit, to copy from. Java 17, no libraries.
//
// Canonical form and fingerprint of a scanned code; the signature of a line's request (RFC 9421).
// `java Backend.java` reads the questions of tests/test_snippets.py from stdin.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Backend {
    static final List<String> ALWAYS = List.of("@method", "@authority", "@path", "@query");
    // SubjectPublicKeyInfo of an Ed25519 key (RFC 8410): these bytes, then the 32 bytes of the key.
    static final byte[] SPKI = HexFormat.of().parseHex("302a300506032b6570032100");
    // ++ and not +, which takes a stack frame per repetition: 8 kB would overflow the stack.
    static final Pattern INPUT =
        Pattern.compile("mintmark=(\\(((?:\"[a-z@-]+\" ?)++)\\)((?:;[a-z]+=[^;]+)++))");
    static final Pattern SIGNATURE = Pattern.compile("mintmark=:([A-Za-z0-9+/=]+):");

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
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return Arrays.copyOf(mac.doFinal(code.getBytes(StandardCharsets.US_ASCII)), 16);
    }

    /**
     * The nonce of a good signature, which must be new to you; or null. In values: @method,
     * @authority (the Host header), @path, @query (with its "?"), and the headers in small letters.
     * hosts: your names in the lines' URLs, with the port if the URL has a port. A request that is
     * signed for your test system must not pass here.
     */
    static String verified(
            String keyId, byte[] publicKey, List<String> hosts, long now,
            Map<String, String> values, byte[] body)
            throws GeneralSecurityException {
        // Our lines write exactly one signature, in this form (RFC 9421, section 4.1).
        var found = INPUT.matcher(values.getOrDefault("signature-input", ""));
        var sent = SIGNATURE.matcher(values.getOrDefault("signature", ""));
        if (!found.matches() || !sent.matches()) {
            return null;
        }
        List<String> covered = new ArrayList<>();
        var names = Pattern.compile("\"([a-z@-]+)\"").matcher(found.group(2));
        while (names.find()) {
            covered.add(names.group(1));
        }
        Map<String, String> given = new HashMap<>();
        var parameters = Pattern.compile(";([a-z]+)=\"?([^;\"]+)\"?").matcher(found.group(3));
        while (parameters.find()) {
            given.put(parameters.group(1), parameters.group(2));
        }
        if (!keyId.equals(given.get("keyid")) || !"mintmark".equals(given.get("tag"))
                || !covered.containsAll(ALWAYS) || given.get("nonce") == null
                || (body.length > 0 && !covered.contains("content-digest"))) {
            return null;
        }
        // "" if there is no Host: List.of(...).contains(null) throws.
        if (!hosts.contains(values.getOrDefault("@authority", ""))) {
            return null;
        }
        if (!given.getOrDefault("created", "").matches("[0-9]{1,15}")
                || !given.getOrDefault("expires", "").matches("[0-9]{1,15}")) {
            return null;
        }
        long created = Long.parseLong(given.get("created"));
        long expires = Long.parseLong(given.get("expires"));
        if (now < created - 60 || now > Math.min(expires, created + 300)) {
            return null;
        }
        if (body.length > 0) {
            // RFC 9530: the digest of the body as it arrived.
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(body);
            String digest = "sha-256=:" + Base64.getEncoder().encodeToString(hash) + ":";
            if (!digest.equals(values.get("content-digest"))) {
                return null;
            }
        }
        // RFC 9421, section 2.5: a line for each covered component, then the parameters.
        StringBuilder base = new StringBuilder();
        for (String name : covered) {
            base.append('"').append(name).append("\": ")
                .append(values.getOrDefault(name, "")).append('\n');
        }
        base.append("\"@signature-params\": ").append(found.group(1));
        byte[] encoded = Arrays.copyOf(SPKI, SPKI.length + 32);
        System.arraycopy(publicKey, 0, encoded, SPKI.length, 32);
        // The key determines the algorithm, whatever the message says.
        PublicKey key =
            KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(encoded));
        Signature check = Signature.getInstance("Ed25519");
        check.initVerify(key);
        check.update(base.toString().getBytes(StandardCharsets.US_ASCII));
        try {
            boolean good = check.verify(Base64.getDecoder().decode(sent.group(1)));
            return good ? given.get("nonce") : null;
        } catch (GeneralSecurityException | IllegalArgumentException error) {
            return null;
        }
    }

    /** Read one question per line, its fields between tabs; print one answer per line. */
    public static void main(String[] arguments) throws Exception {
        HexFormat hex = HexFormat.of();
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = input.readLine()) != null; ) {
            String[] f = line.split("\t", -1);
            switch (f[0]) {
                case "canonical" -> {
                    String text = new String(hex.parseHex(f[2]), StandardCharsets.UTF_8);
                    String folded = canonical(f[1], text);
                    System.out.println(folded == null ? "-" : folded);
                }
                case "fingerprint" ->
                    System.out.println(hex.formatHex(fingerprint(hex.parseHex(f[1]), f[2])));
                default -> {
                    Map<String, String> values = new HashMap<>();
                    values.put("@method", f[5]);
                    values.put("@authority", f[6]);
                    values.put("@path", f[7]);
                    values.put("@query", "?" + f[8]);
                    values.put("content-digest", f[9]);
                    values.put("signature-input", f[10]);
                    values.put("signature", f[11]);
                    String nonce = verified(
                        f[1], hex.parseHex(f[2]), List.of(f[3].split(" ")), Long.parseLong(f[4]),
                        values, hex.parseHex(f[12]));
                    System.out.println(nonce == null ? "bad" : "good");
                }
            }
        }
    }
}
