import alluxio.AlluxioURI;
import alluxio.client.file.FileSystem;
import alluxio.client.file.URIStatus;
import alluxio.conf.Configuration;
import alluxio.conf.PropertyKey;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;

/**
 * Arguments: a file with a name a line, in hexadecimal UTF-8; a folder to make them in; folders to list. Prints
 * "MADE hex", "REFUSED hex why" and "LISTED folder hex".
 */
public class NamesCheck {
  private static String hex(String text) {
    StringBuilder out = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      out.append(String.format("%02x", b));
    }
    return out.toString();
  }

  private static String text(String hex) {
    byte[] bytes = new byte[hex.length() / 2];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  public static void main(String[] args) throws Exception {
    Configuration.set(PropertyKey.MASTER_HOSTNAME, "127.0.0.1");
    FileSystem fs = FileSystem.Factory.create();
    fs.createDirectory(new AlluxioURI(args[1]));
    for (String line : Files.readAllLines(Paths.get(args[0]))) {
      try {
        // As a parent and a child: the text of an address is not looked at again.
        fs.createDirectory(new AlluxioURI(args[1]).join(text(line)));
        System.out.println("MADE " + line);
      } catch (Exception e) {
        System.out.println("REFUSED " + line + " " + e.getClass().getSimpleName());
      }
    }
    for (int i = 1; i < args.length; i++) {
      for (URIStatus status : fs.listStatus(new AlluxioURI(args[i]))) {
        System.out.println("LISTED " + args[i] + " " + hex(status.getName()));
      }
    }
    System.out.println("NAMES OK");
    System.exit(0);
  }
}
