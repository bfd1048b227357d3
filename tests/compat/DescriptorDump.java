import java.io.File;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;

/**
 * Prints every message, field, enum and service inside the published client jar, one a line, sorted:
 * DescriptorDump JAR. The jar relocates protobuf, so its classes are reached by reflection.
 */
public class DescriptorDump {
  private static final List<String> LINES = new ArrayList<>();

  public static void main(String[] args) throws Exception {
    try (JarFile jar = new JarFile(new File(args[0]))) {
      for (Enumeration<JarEntry> entries = jar.entries(); entries.hasMoreElements();) {
        String name = entries.nextElement().getName();
        if (!name.matches("alluxio/(grpc|proto)/.*Proto\\.class|alluxio/proto/[a-z]+/[A-Z][A-Za-z]*\\.class")) {
          continue;
        }
        try {
          Method method = Class.forName(name.replace('/', '.').replaceAll("\\.class$", "")).getMethod("getDescriptor");
          Object descriptor = method.invoke(null);
          if (descriptor.getClass().getSimpleName().equals("FileDescriptor")) {
            dumpFile(descriptor);
          }
        } catch (NoSuchMethodException ignored) {
          // not an outer class
        }
      }
    }
    Collections.sort(LINES);
    String last = "";
    for (String line : LINES) {
      if (!line.equals(last)) {
        System.out.println(line);
      }
      last = line;
    }
  }

  private static Object call(Object target, String method) throws Exception {
    Method found = target.getClass().getMethod(method);
    found.setAccessible(true);
    return found.invoke(target);
  }

  private static void dumpFile(Object file) throws Exception {
    for (Object message : (List<?>) call(file, "getMessageTypes")) {
      dumpMessage(message);
    }
    for (Object type : (List<?>) call(file, "getEnumTypes")) {
      dumpEnum(type);
    }
    for (Object service : (List<?>) call(file, "getServices")) {
      for (Object method : (List<?>) call(service, "getMethods")) {
        Object proto = call(method, "toProto");
        LINES.add("rpc " + call(service, "getFullName") + " " + call(method, "getName") + " "
            + call(proto, "getClientStreaming") + " " + call(call(method, "getInputType"), "getFullName") + " "
            + call(proto, "getServerStreaming") + " " + call(call(method, "getOutputType"), "getFullName"));
      }
    }
  }

  private static void dumpMessage(Object message) throws Exception {
    LINES.add("message " + call(message, "getFullName"));
    for (Object field : (List<?>) call(message, "getFields")) {
      Object proto = call(field, "toProto");
      Object oneof = call(field, "getContainingOneof");
      LINES.add("field " + call(message, "getFullName") + " " + call(field, "getNumber") + " " + call(field, "getName")
          + " " + call(proto, "getLabel") + " " + call(proto, "getType") + " " + call(proto, "getTypeName") + " "
          + call(proto, "getDefaultValue") + " " + (oneof == null ? "" : call(oneof, "getName")));
    }
    for (Object nested : (List<?>) call(message, "getNestedTypes")) {
      dumpMessage(nested);
    }
    for (Object nested : (List<?>) call(message, "getEnumTypes")) {
      dumpEnum(nested);
    }
  }

  private static void dumpEnum(Object type) throws Exception {
    for (Object value : (List<?>) call(type, "getValues")) {
      LINES.add("enum " + call(type, "getFullName") + " " + call(value, "getNumber") + " " + call(value, "getName"));
    }
  }
}
