import alluxio.AlluxioURI;
import alluxio.client.file.FileInStream;
import alluxio.client.file.FileOutStream;
import alluxio.client.file.FileSystem;
import alluxio.client.file.FileSystemContext;
import alluxio.client.file.URIStatus;
import alluxio.conf.Configuration;
import alluxio.conf.PropertyKey;
import alluxio.grpc.CreateFilePOptions;
import alluxio.grpc.DeletePOptions;
import alluxio.grpc.ListStatusPOptions;
import alluxio.grpc.WritePType;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A long-lived stock client under load: StockLoad HOST PORT. Reads one order a line and answers each with a
 * line of JSON, so that whoever gives the orders can look at the servers in between.
 *
 * await N | write SIZE THREADS DURABLE SECONDS FOLDER [COUNT] | read THREADS SECONDS FOLDER | drain FOLDER | remove FOLDER
 */
public class StockLoad {
  private static FileSystem sFs;
  private static FileSystemContext sContext;

  public static void main(String[] args) throws Exception {
    Configuration.set(PropertyKey.MASTER_HOSTNAME, args[0]);
    Configuration.set(PropertyKey.MASTER_RPC_PORT, Integer.parseInt(args[1]));
    sContext = FileSystemContext.create(Configuration.global());
    sFs = FileSystem.Factory.create(sContext);
    BufferedReader orders = new BufferedReader(new InputStreamReader(System.in));
    for (String line = orders.readLine(); line != null; line = orders.readLine()) {
      String[] words = line.trim().split(" ");
      try {
        System.out.println(carryOut(words));
      } catch (Exception e) {
        System.out.println("{\"error\": \"" + String.valueOf(e.getMessage()).replaceAll("[\"\\\\\n]", " ") + "\"}");
      }
      System.out.flush();
    }
    System.exit(0);
  }

  private static String carryOut(String[] words) throws Exception {
    switch (words[0]) {
      case "await":
        return await(Integer.parseInt(words[1]));
      case "write":
        return write(Integer.parseInt(words[1]), Integer.parseInt(words[2]), Integer.parseInt(words[3]),
            Double.parseDouble(words[4]), words[5], words.length > 6 ? Long.parseLong(words[6]) : Long.MAX_VALUE);
      case "read":
        return read(Integer.parseInt(words[1]), Double.parseDouble(words[2]), words[3]);
      case "drain":
        return drain(words[1]);
      case "remove":
        sFs.delete(new AlluxioURI(words[1]), DeletePOptions.newBuilder().setRecursive(true).setUnchecked(true).build());
        return "{}";
      default:
        return "{\"error\": \"unknown order\"}";
    }
  }

  private static String await(int workers) throws Exception {
    for (int i = 0; i < 600; i++) {
      try {
        if (sContext.getCachedWorkers().size() >= workers) {
          return "{}";
        }
        sContext = FileSystemContext.create(Configuration.global());
        sFs = FileSystem.Factory.create(sContext);
      } catch (Exception e) {
        // Not up yet.
      }
      Thread.sleep(200);
    }
    return "{\"error\": \"there are fewer workers\"}";
  }

  private interface Work {
    /** Does one piece of work and returns its bytes; negative: there is no more. */
    long once(int thread, int round) throws Exception;
  }

  private static String run(int threads, double seconds, Work work) throws Exception {
    ConcurrentLinkedQueue<Long> nanos = new ConcurrentLinkedQueue<>();
    ConcurrentLinkedQueue<String> errors = new ConcurrentLinkedQueue<>();
    AtomicLong bytes = new AtomicLong();
    long begin = System.nanoTime();
    long end = begin + (long) (seconds * 1e9);
    List<Thread> all = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      int thread = t;
      all.add(new Thread(() -> {
        for (int i = 0; System.nanoTime() < end; i++) {
          long one = System.nanoTime();
          try {
            long n = work.once(thread, i);
            if (n < 0) {
              return;
            }
            bytes.addAndGet(n);
            nanos.add(System.nanoTime() - one);
          } catch (Exception e) {
            errors.add(String.valueOf(e.getMessage()));
          }
        }
      }));
    }
    for (Thread thread : all) {
      thread.start();
    }
    for (Thread thread : all) {
      thread.join();
    }
    double took = (System.nanoTime() - begin) / 1e9;
    long[] sorted = nanos.stream().mapToLong(Long::longValue).sorted().toArray();
    return String.format(
        "{\"count\": %d, \"errors\": %d, \"seconds\": %.4f, \"per_second\": %.3f, \"mb_per_second\": %.3f, "
            + "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}",
        sorted.length, errors.size(), took, sorted.length / took, bytes.get() / 1e6 / took, quantile(sorted, 0.5),
        quantile(sorted, 0.99), quantile(sorted, 1));
  }

  private static double quantile(long[] sorted, double q) {
    return sorted.length == 0 ? 0 : sorted[(int) Math.min(sorted.length - 1, q * sorted.length)] / 1e6;
  }

  private static String write(int size, int threads, int durable, double seconds, String folder, long count)
      throws Exception {
    byte[] data = new byte[Math.min(size, 1 << 20)];
    Arrays.fill(data, (byte) 'x');
    CreateFilePOptions options = CreateFilePOptions.newBuilder().setRecursive(true)
        .setWriteType(WritePType.ASYNC_THROUGH).setReplicationDurable(durable).build();
    AtomicLong begun = new AtomicLong();
    return run(threads, seconds, (thread, round) -> {
      if (begun.getAndIncrement() >= count) {
        return -1;
      }
      try (FileOutStream out = sFs.createFile(new AlluxioURI(folder + "/" + thread + "-" + round), options)) {
        for (int left = size; left > 0; left -= data.length) {
          out.write(data, 0, Math.min(left, data.length));
        }
      }
      return size;
    });
  }

  private static String read(int threads, double seconds, String folder) throws Exception {
    List<URIStatus> files = sFs.listStatus(new AlluxioURI(folder));
    byte[][] buffers = new byte[threads][1 << 20];
    return run(threads, seconds, (thread, round) -> {
      URIStatus file = files.get((thread + round * threads) % files.size());
      long total = 0;
      try (FileInStream in = sFs.openFile(new AlluxioURI(file.getPath()))) {
        for (int n = in.read(buffers[thread]); n > 0; n = in.read(buffers[thread])) {
          total += n;
        }
      }
      return total;
    });
  }

  private static String drain(String folder) throws Exception {
    long begin = System.nanoTime();
    ListStatusPOptions options = ListStatusPOptions.newBuilder().setRecursive(true).build();
    while (true) {
      long left = sFs.listStatus(new AlluxioURI(folder), options).stream().filter(s -> !s.isFolder() && !s.isPersisted()).count();
      double took = (System.nanoTime() - begin) / 1e9;
      if (left == 0 || took > 60) {
        return String.format("{\"left\": %d, \"seconds\": %.3f}", left, took);
      }
      Thread.sleep(50);
    }
  }
}
