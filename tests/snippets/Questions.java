// Answers the questions of test_snippets.py with the snippet in Java.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;

public class Questions {
    static final HexFormat HEX = HexFormat.of();
    static final Map<String, Backend.Key> KEYS = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = input.readLine()) != null; ) {
            System.out.println(answer(line.split("\t", -1)));
        }
    }

    static String answer(String[] f) throws Exception {
        switch (f[0]) {
            case "key":
                KEYS.put(f[1], new Backend.Key(f[2], HEX.parseHex(f[3])));
                return "known";
            case "canonical":
                String text = new String(HEX.parseHex(f[2]), StandardCharsets.UTF_8);
                String folded = Backend.canonical(f[1], text);
                return folded == null ? "-" : folded;
            case "fingerprint":
                return HEX.formatHex(Backend.fingerprint(HEX.parseHex(f[1]), f[2]));
            case "nonce":
                long now = Long.parseLong(f[4]);
                try (var nonces = new Backend.Nonces(Path.of(f[1]), now)) {
                    boolean fresh = nonces.fresh(new Backend.Signed(f[2], f[3]), now);
                    return fresh ? "fresh" : "used";
                }
            default:
                return verify(f);
        }
    }

    static String verify(String[] f) throws Exception {
        Map<String, String> values = new HashMap<>();
        values.put("@method", f[3]);
        values.put("@authority", f[4]);
        values.put("@path", f[5]);
        values.put("@query", "?" + f[6]);
        if (!f[7].isEmpty()) {
            values.put("content-digest", f[7]);
        }
        values.put("signature-input", f[8]);
        values.put("signature", f[9]);
        Backend.Signed signed = Backend.verified(
            KEYS, Set.of(f[1].split(" ")), Long.parseLong(f[2]), values, HEX.parseHex(f[10]));
        return signed == null ? "bad" : "good " + signed.keyId();
    }
}
