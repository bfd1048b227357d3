import alluxio.AlluxioURI;
import alluxio.client.file.FileInStream;
import alluxio.client.file.FileOutStream;
import alluxio.client.file.FileSystem;
import alluxio.client.file.URIStatus;
import alluxio.conf.Configuration;
import alluxio.conf.PropertyKey;
import alluxio.exception.FileAlreadyExistsException;
import alluxio.exception.FileDoesNotExistException;
import alluxio.grpc.CreateDirectoryPOptions;
import alluxio.grpc.DeletePOptions;

import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** The published client's Java API against a cluster; ends with "API OK". */
public class ApiCheck {
  private static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  public static void main(String[] args) throws Exception {
    Configuration.set(PropertyKey.MASTER_HOSTNAME, "127.0.0.1");
    Configuration.set(PropertyKey.USER_FILE_REPLICATION_DURABLE, 3);
    FileSystem fs = FileSystem.Factory.create();
    AlluxioURI dir = new AlluxioURI("/api");
    fs.createDirectory(dir, CreateDirectoryPOptions.newBuilder().setRecursive(true).build());

    byte[] data = new byte[5 * 1024 * 1024 + 17];
    new Random(1).nextBytes(data);
    AlluxioURI file = new AlluxioURI("/api/file");
    try (FileOutStream out = fs.createFile(file)) {
      out.write(data);
    }
    URIStatus status = fs.getStatus(file);
    check(status.getLength() == data.length, "length");
    check(status.getFileBlockInfos().get(0).getBlockInfo().getLocations().size() == 3, "three replicas");
    check(status.isCompleted(), "completed");

    byte[] back = new byte[data.length];
    try (FileInStream in = fs.openFile(file)) {
      int at = 0;
      while (at < back.length) {
        int n = in.read(back, at, back.length - at);
        check(n > 0, "early end");
        at += n;
      }
      check(in.read() == -1, "end of file");
      in.seek(1_000_003);
      check(in.read() == (data[1_000_003] & 0xff), "seek");
      byte[] piece = new byte[100];
      check(in.positionedRead(4_000_000, piece, 0, 100) == 100, "positioned read");
      check(Arrays.equals(piece, Arrays.copyOfRange(data, 4_000_000, 4_000_100)), "positioned bytes");
    }
    check(Arrays.equals(data, back), "bytes");

    try (FileOutStream out = fs.createFile(new AlluxioURI("/api/cancelled"))) {
      out.write(data);
      out.cancel();
    }
    check(!fs.exists(new AlluxioURI("/api/cancelled")) || !fs.getStatus(new AlluxioURI("/api/cancelled")).isCompleted(),
        "a cancelled file is not complete");
    try {
      fs.createFile(file);
      check(false, "created twice");
    } catch (FileAlreadyExistsException expected) {
      // as it must be
    }
    try {
      fs.getStatus(new AlluxioURI("/api/none"));
      check(false, "found what is not there");
    } catch (FileDoesNotExistException expected) {
      // as it must be
    }
    fs.rename(file, new AlluxioURI("/api/renamed"));
    List<URIStatus> list = fs.listStatus(dir);
    check(list.stream().anyMatch(s -> s.getName().equals("renamed")), "listing");
    check(!fs.exists(file), "renamed away");
    for (int i = 0; i < 50; i++) {
      fs.createFile(new AlluxioURI("/api/many-" + i)).close();
    }
    check(fs.listStatus(dir).size() >= 51, "many");
    fs.delete(dir, DeletePOptions.newBuilder().setRecursive(true).build());
    check(!fs.exists(dir), "deleted");
    System.out.println("API OK");
    System.exit(0);
  }
}
