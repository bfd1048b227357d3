import alluxio.AlluxioURI;
import alluxio.client.file.FileSystem;
import alluxio.conf.Configuration;
import alluxio.conf.PropertyKey;
import alluxio.grpc.CreateDirectoryPOptions;
import alluxio.grpc.CreateFilePOptions;
import alluxio.grpc.SetAttributePOptions;
import alluxio.proto.journal.File.XAttrUpdateStrategy;
import alluxio.shaded.client.com.google.protobuf.ByteString;

import java.util.Map;
import java.util.TreeMap;

/** Extended attributes by the published client: at creation, by each way of updating, over renames. Ends with "XATTR OK". */
public class XattrCheck {
  private static FileSystem sFs;

  private static void expect(String path, String wanted) throws Exception {
    Map<String, byte[]> xattr = sFs.getStatus(new AlluxioURI(path)).getXAttr();
    StringBuilder found = new StringBuilder();
    if (xattr != null) {
      for (Map.Entry<String, byte[]> entry : new TreeMap<>(xattr).entrySet()) {
        found.append(entry.getKey()).append('=').append(new String(entry.getValue(), "UTF-8")).append(' ');
      }
    }
    if (!found.toString().trim().equals(wanted)) {
      throw new AssertionError(path + " has \"" + found + "\", not \"" + wanted + "\"");
    }
  }

  private static void set(String path, XAttrUpdateStrategy strategy, String... pairs) throws Exception {
    SetAttributePOptions.Builder options = SetAttributePOptions.newBuilder().setXattrUpdateStrategy(strategy);
    for (int i = 0; i < pairs.length; i += 2) {
      options.putXattr(pairs[i], ByteString.copyFromUtf8(pairs[i + 1]));
    }
    sFs.setAttribute(new AlluxioURI(path), options.build());
  }

  public static void main(String[] args) throws Exception {
    Configuration.set(PropertyKey.MASTER_HOSTNAME, "127.0.0.1");
    sFs = FileSystem.Factory.create();
    if (args.length > 0) {  // what is left of an earlier run
      expect("/xattr", "d=1");
      expect("/xattr/g", "z=5");
      System.out.println("XATTR OK");
      System.exit(0);
    }
    sFs.createDirectory(new AlluxioURI("/xattr"), CreateDirectoryPOptions.newBuilder().putXattr("d", ByteString.copyFromUtf8("1")).build());
    expect("/xattr", "d=1");
    sFs.createFile(new AlluxioURI("/xattr/f"), CreateFilePOptions.newBuilder().putXattr("a", ByteString.copyFromUtf8("ä")).build()).close();
    expect("/xattr/f", "a=ä");
    set("/xattr/f", XAttrUpdateStrategy.UNION_REPLACE, "a", "2", "b", "3");
    expect("/xattr/f", "a=2 b=3");
    set("/xattr/f", XAttrUpdateStrategy.UNION_PRESERVE, "a", "9", "c", "4");
    expect("/xattr/f", "a=2 b=3 c=4");
    set("/xattr/f", XAttrUpdateStrategy.DELETE_KEYS, "b", "");
    expect("/xattr/f", "a=2 c=4");
    sFs.rename(new AlluxioURI("/xattr/f"), new AlluxioURI("/xattr/g"));
    expect("/xattr/g", "a=2 c=4");
    set("/xattr/g", XAttrUpdateStrategy.TRUNCATE, "z", "5");
    expect("/xattr/g", "z=5");
    System.out.println("XATTR OK");
    System.exit(0);
  }
}
