import java.io.IOException;
import java.net.URI;
import java.security.PrivilegedExceptionAction;
import java.util.Arrays;
import java.util.Random;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.security.UserGroupInformation;

/**
 * What an application does with any version of the client, through Hadoop's interface: URI, directory, key=value ..., and
 * "as=user" for what is done as a proxy user. Ends with "CLIENT OK".
 */
public class ClientCheck {
  static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  static void use(FileSystem fs, String dir, String owner) throws IOException {
    byte[] data = new byte[3 * 1024 * 1024 + 7];
    new Random(2).nextBytes(data);
    Path file = new Path(dir + "/a/file");
    try (FSDataOutputStream out = fs.create(file)) {
      out.write(data);
    }
    FileStatus status = fs.getFileStatus(file);
    check(status.getLen() == data.length, "length");
    check(status.getOwner().equals(owner), "owner " + status.getOwner());
    try (FSDataInputStream in = fs.open(file)) {
      byte[] back = new byte[data.length];
      in.readFully(0, back);
      check(Arrays.equals(back, data), "bytes");
      in.seek(1_000_001);
      check(in.read() == (data[1_000_001] & 0xff), "seek");
    }
    check(!fs.exists(new Path(dir + "/none")), "exists");
    check(fs.mkdirs(new Path(dir + "/b/c")), "mkdirs");
    check(fs.rename(file, new Path(dir + "/b/c/moved")), "rename");
    check(!fs.rename(file, new Path(dir + "/x")), "rename of what is gone");
    try (FSDataOutputStream out = fs.create(new Path(dir + "/b/c/moved"), true)) {
      out.write(7);
    }
    check(fs.getFileStatus(new Path(dir + "/b/c/moved")).getLen() == 1, "overwritten");
    check(fs.listStatus(new Path(dir)).length == 2, "listed");
    fs.setPermission(new Path(dir + "/b"), new FsPermission((short) 0750));
    check(fs.getFileStatus(new Path(dir + "/b")).getPermission().toShort() == 0750, "mode");
    fs.create(new Path(dir + "/empty")).close();
    check(fs.getFileStatus(new Path(dir + "/empty")).getLen() == 0, "empty");
    check(fs.delete(new Path(dir + "/a"), true), "deleted");
  }

  public static void main(String[] arguments) throws Exception {
    Configuration conf = new Configuration();
    conf.set("fs.alluxio.impl", "alluxio.hadoop.FileSystem");
    String as = null;
    for (int i = 2; i < arguments.length; ++i) {
      String[] pair = arguments[i].split("=", 2);
      if (pair[0].equals("as")) {
        as = pair[1];
      } else {
        conf.set(pair[0], pair[1]);
      }
    }
    URI uri = URI.create(arguments[0]);
    String dir = arguments[1];
    if (as == null) {
      use(FileSystem.get(uri, conf), dir, UserGroupInformation.getCurrentUser().getShortUserName());
    } else {
      String user = as;
      UserGroupInformation proxy = UserGroupInformation.createProxyUser(user, UserGroupInformation.getLoginUser());
      proxy.doAs((PrivilegedExceptionAction<Void>) () -> {
        use(FileSystem.get(uri, conf), dir, user);
        return null;
      });
    }
    System.out.println("CLIENT OK");
    System.exit(0);
  }
}
