// The decoders of `run.sh` that Java reaches: java -cp JARS Read.java FOLDER zxing|boofcv NAME
// Prints what read.py prints: a line of JSON. The two libraries are found by reflection, so that
// each runs without the other. JSON is read by pattern: index.json is written by draw.py.
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

class Read {
    interface Decoder {
        List<String> read(byte[] grey, int side) throws Exception;
    }

    /** ZXing, as scanners use it: hybrid binarizer, TRY_HARDER. */
    static Decoder zxing() throws Exception {
        String base = "com.google.zxing.";
        Class<?> hints = Class.forName(base + "DecodeHintType");
        Object harder = hints.getField("TRY_HARDER").get(null);
        Class<?> luminance = Class.forName(base + "LuminanceSource");
        var source = Class.forName(base + "PlanarYUVLuminanceSource").getConstructor(
                byte[].class, int.class, int.class, int.class, int.class, int.class, int.class,
                boolean.class);
        var hybrid = Class.forName(base + "common.HybridBinarizer").getConstructor(luminance);
        Class<?> bitmap = Class.forName(base + "BinaryBitmap");
        var wrap = bitmap.getConstructor(Class.forName(base + "Binarizer"));
        Object reader = Class.forName(base + "MultiFormatReader").getConstructor().newInstance();
        Method decode = reader.getClass().getMethod("decode", bitmap, Map.class);
        return (grey, side) -> {
            Object picture = source.newInstance(grey, side, side, 0, 0, side, side, false);
            Object found = decode.invoke(
                    reader, wrap.newInstance(hybrid.newInstance(picture)), Map.of(harder, true));
            return List.of((String) found.getClass().getMethod("getText").invoke(found));
        };
    }

    /** BoofCV's detector with its defaults. */
    static Decoder boofcv() throws Exception {
        Class<?> grey8 = Class.forName("boofcv.struct.image.GrayU8");
        Class<?> config = Class.forName("boofcv.factory.fiducial.ConfigQrCode");
        Object detector = Class.forName("boofcv.factory.fiducial.FactoryFiducial")
                .getMethod("qrcode", config, Class.class).invoke(null, null, grey8);
        Method process = detector.getClass().getMethod(
                "process", Class.forName("boofcv.struct.image.ImageGray"));
        Method detections = detector.getClass().getMethod("getDetections");
        return (grey, side) -> {
            Object picture = grey8.getConstructor(int.class, int.class).newInstance(side, side);
            grey8.getField("data").set(picture, grey);
            process.invoke(detector, picture);
            List<String> texts = new ArrayList<>();
            for (Object found : (List<?>) detections.invoke(detector)) {
                texts.add((String) found.getClass().getField("message").get(found));
            }
            return texts;
        };
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        Decoder decoder = arguments[1].equals("zxing") ? zxing() : boofcv();
        String index = Files.readString(folder.resolve("index.json"), StandardCharsets.UTF_8);
        List<String> texts = new ArrayList<>();
        Matcher text = Pattern.compile("\"(HTTPS:[^\"]+)\"").matcher(index);
        while (text.find()) {
            texts.add(text.group(1));
        }
        List<String> counts = new ArrayList<>();
        Matcher condition =
                Pattern.compile("\"file\": \"([^\"]+)\", \"side\": (\\d+)").matcher(index);
        while (condition.find()) {
            byte[] all = Files.readAllBytes(folder.resolve(condition.group(1)));
            int side = Integer.parseInt(condition.group(2));
            int count = 0;
            for (int at = 0; at < texts.size(); at++) {
                byte[] grey = java.util.Arrays.copyOfRange(
                        all, at * side * side, (at + 1) * side * side);
                try {
                    count += decoder.read(grey, side).contains(texts.get(at)) ? 1 : 0;
                } catch (java.lang.reflect.InvocationTargetException nothing) {
                    // ZXing throws NotFoundException and its like for what it cannot read.
                }
            }
            counts.add(Integer.toString(count));
        }
        System.out.printf("{\"decoder\": \"%s\", \"read\": [%s]}%n",
                arguments[2], String.join(", ", counts));
    }
}
