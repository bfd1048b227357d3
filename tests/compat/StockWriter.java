import alluxio.AlluxioURI;
import alluxio.client.file.FileOutStream;
import alluxio.client.file.FileSystem;
import alluxio.conf.Configuration;
import alluxio.conf.PropertyKey;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * A long-lived stock client that writes small files with two copies for some seconds, eight at a time:
 * StockWriter SECONDS REFRESH. Prints a line a second: second, written, failed.
 */
public class StockWriter {
  public static void main(String[] args) throws Exception {
    int seconds = Integer.parseInt(args[0]);
    Configuration.set(PropertyKey.MASTER_HOSTNAME, "127.0.0.1");
    Configuration.set(PropertyKey.USER_FILE_REPLICATION_DURABLE, 2);
    Configuration.set(PropertyKey.USER_WORKER_LIST_REFRESH_INTERVAL, args[1]);
    FileSystem fs = FileSystem.Factory.create();
    AtomicInteger[] written = new AtomicInteger[seconds + 1];
    AtomicInteger[] failed = new AtomicInteger[seconds + 1];
    for (int i = 0; i <= seconds; i++) {
      written[i] = new AtomicInteger();
      failed[i] = new AtomicInteger();
    }
    long begin = System.nanoTime();
    Thread[] threads = new Thread[8];
    for (int t = 0; t < threads.length; t++) {
      int thread = t;
      threads[t] = new Thread(() -> {
        byte[] data = new byte[4096];
        for (int i = 0; ; i++) {
          int second = (int) ((System.nanoTime() - begin) / 1_000_000_000L);
          if (second >= seconds) {
            return;
          }
          try {
            try (FileOutStream out = fs.createFile(new AlluxioURI("/stock-" + args[1] + "-" + thread + "-" + i))) {
              out.write(data);
            }
            written[second].incrementAndGet();
          } catch (Exception e) {
            failed[second].incrementAndGet();
          }
        }
      });
      threads[t].start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    for (int i = 0; i < seconds; i++) {
      System.out.println(i + " " + written[i].get() + " " + failed[i].get());
    }
    System.exit(0);
  }
}
