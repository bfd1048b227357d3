import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.examples.terasort.TeraGen;
import org.apache.hadoop.examples.terasort.TeraSort;
import org.apache.hadoop.examples.terasort.TeraValidate;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FsShell;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.io.IntWritable;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.mapreduce.Job;
import org.apache.hadoop.examples.WordCount;
import org.apache.hadoop.mapreduce.lib.input.FileInputFormat;
import org.apache.hadoop.mapreduce.lib.output.FileOutputCommitter;
import org.apache.hadoop.mapreduce.lib.output.FileOutputFormat;
import org.apache.hadoop.tools.DistCp;
import org.apache.hadoop.util.ToolRunner;

/** MapReduce in local mode, committers, writers side by side, hadoop fs and distcp over alluxio://; one "OK name" a check. */
public class MapReduceJobs {
  static String base;
  static Configuration conf;
  static FileSystem fs;

  static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  static void done(String name) {
    System.out.println("OK " + name);
    System.out.flush();
  }

  static void tera() throws Exception {
    check(ToolRunner.run(conf, new TeraGen(), new String[] {"20000", base + "/tera/in"}) == 0, "TeraGen");
    check(ToolRunner.run(conf, new TeraSort(), new String[] {base + "/tera/in", base + "/tera/out"}) == 0, "TeraSort");
    check(ToolRunner.run(conf, new TeraValidate(), new String[] {base + "/tera/out", base + "/tera/check"}) == 0, "TeraValidate");
    for (FileStatus file : fs.listStatus(new Path(base + "/tera/check"))) {
      if (file.getPath().getName().startsWith("part-")) {
        try (java.io.InputStream in = fs.open(file.getPath())) {
          String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
          check(!text.contains("error") && !text.contains("misorder"), "validated: " + text);
        }
      }
    }
    done("tera");
  }

  static void wordCount(int committer) throws Exception {
    String dir = base + "/words" + committer;
    try (FSDataOutputStream out = fs.create(new Path(dir + "/in/a"))) {
      out.write("to be or not to be\n".getBytes(StandardCharsets.UTF_8));
    }
    Configuration own = new Configuration(conf);
    own.setInt(FileOutputCommitter.FILEOUTPUTCOMMITTER_ALGORITHM_VERSION, committer);
    Job job = Job.getInstance(own, "words");
    job.setJarByClass(WordCount.class);
    job.setMapperClass(WordCount.TokenizerMapper.class);
    job.setReducerClass(WordCount.IntSumReducer.class);
    job.setOutputKeyClass(Text.class);
    job.setOutputValueClass(IntWritable.class);
    job.setNumReduceTasks(2);
    FileInputFormat.addInputPath(job, new Path(dir + "/in"));
    FileOutputFormat.setOutputPath(job, new Path(dir + "/out"));
    check(job.waitForCompletion(false), "job");
    StringBuilder all = new StringBuilder();
    for (FileStatus file : fs.listStatus(new Path(dir + "/out"))) {
      try (java.io.InputStream in = fs.open(file.getPath())) {
        all.append(new String(in.readAllBytes(), StandardCharsets.UTF_8));
      }
    }
    check(all.toString().contains("be\t2") && all.toString().contains("not\t1"), all.toString());
    check(fs.exists(new Path(dir + "/out/_SUCCESS")), "_SUCCESS");
    check(!fs.exists(new Path(dir + "/out/_temporary")), "_temporary is gone");
    done("committer-v" + committer);
  }

  static void writersSideBySide() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(8);
    List<Future<Boolean>> created = new ArrayList<>();
    for (int i = 0; i < 8; ++i) {
      Callable<Boolean> create = () -> {
        try (FSDataOutputStream out = fs.create(new Path(base + "/one-of-us"), false)) {
          out.write(1);
          return true;
        } catch (IOException e) {
          return false;
        }
      };
      created.add(pool.submit(create));
    }
    int winners = 0;
    for (Future<Boolean> one : created) {
      winners += one.get() ? 1 : 0;
    }
    check(winners == 1, "create without overwrite has one winner, not " + winners);
    List<Future<Boolean>> renamed = new ArrayList<>();
    for (int i = 0; i < 8; ++i) {
      Path own = new Path(base + "/renamed/from" + i);
      fs.create(own).close();
      renamed.add(pool.submit(() -> fs.rename(own, new Path(base + "/renamed/to"))));
    }
    winners = 0;
    for (Future<Boolean> one : renamed) {
      winners += one.get() ? 1 : 0;
    }
    check(winners == 1, "rename to one name has one winner, not " + winners);
    pool.shutdown();
    done("concurrent-writers");
  }

  static int shell(String... words) throws Exception {
    return ToolRunner.run(new FsShell(conf), words);
  }

  static void hadoopFs() throws Exception {
    String dir = base + "/shell";
    java.io.File local = java.io.File.createTempFile("hadoop-fs", ".txt");
    java.nio.file.Files.writeString(local.toPath(), "hello hadoop\n");
    check(shell("-mkdir", "-p", dir + "/d") == 0, "mkdir");
    check(shell("-put", local.getPath(), dir + "/d/f") == 0, "put");
    check(shell("-put", local.getPath(), dir + "/d/f") != 0, "put refuses what exists");
    check(shell("-put", "-f", local.getPath(), dir + "/d/f") == 0, "put -f");
    check(shell("-cat", dir + "/d/f") == 0, "cat");
    check(shell("-ls", "-R", dir) == 0, "ls");
    check(shell("-du", "-s", dir) == 0, "du");
    check(shell("-count", dir) == 0, "count");
    check(shell("-stat", "%n %b %r", dir + "/d/f") == 0, "stat");
    check(shell("-test", "-d", dir + "/d") == 0 && shell("-test", "-d", dir + "/d/f") == 1, "test -d");
    check(shell("-test", "-e", dir + "/d/f/x") == 1, "test -e below a file");
    check(shell("-cp", dir + "/d/f", dir + "/d/g") == 0, "cp");
    check(shell("-mv", dir + "/d/g", dir + "/d/h") == 0, "mv");
    check(shell("-chmod", "640", dir + "/d/h") == 0, "chmod");
    check(fs.getFileStatus(new Path(dir + "/d/h")).getPermission().toShort() == 0640, "mode");
    check(shell("-touchz", dir + "/d/empty") == 0, "touchz");
    check(shell("-getmerge", dir + "/d", local.getPath() + ".merged") == 0, "getmerge");
    check(shell("-get", dir + "/d/f", local.getPath() + ".back") == 0, "get");
    check(java.nio.file.Files.readString(java.nio.file.Path.of(local.getPath() + ".back")).equals("hello hadoop\n"), "bytes");
    check(shell("-tail", dir + "/d/f") == 0, "tail");
    check(shell("-checksum", dir + "/d/f") == 0, "checksum");
    check(shell("-find", dir, "-name", "h") == 0, "find");
    check(shell("-df", "/") == 0, "df");
    check(shell("-rm", "-skipTrash", dir + "/d/h") == 0, "rm");
    check(shell("-rm", "-r", "-skipTrash", dir) == 0, "rm -r");
    check(shell("-ls", dir) != 0, "gone");
    done("hadoop-fs");
  }

  static void distCp() throws Exception {
    String dir = base + "/distcp";
    for (int i = 0; i < 5; ++i) {
      try (FSDataOutputStream out = fs.create(new Path(dir + "/from/sub" + i % 2 + "/f" + i))) {
        out.write(("content " + i).getBytes(StandardCharsets.UTF_8));
      }
    }
    check(ToolRunner.run(conf, new DistCp(conf, null), new String[] {"-skipcrccheck", "-update", dir + "/from", dir + "/to"}) == 0, "distcp");
    for (int i = 0; i < 5; ++i) {
      try (java.io.InputStream in = fs.open(new Path(dir + "/to/sub" + i % 2 + "/f" + i))) {
        check(new String(in.readAllBytes(), StandardCharsets.UTF_8).equals("content " + i), "copy " + i);
      }
    }
    done("distcp");
  }

  public static void main(String[] arguments) throws Exception {
    base = arguments[0];
    conf = new Configuration();
    conf.set("fs.alluxio.impl", "alluxio.hadoop.FileSystem");
    conf.set("fs.defaultFS", arguments[0]);
    conf.set("mapreduce.framework.name", "local");
    conf.set("hadoop.tmp.dir", arguments[1]);
    conf.set("mapreduce.cluster.local.dir", arguments[1] + "/local");
    fs = FileSystem.get(URI.create(base), conf);
    tera();
    wordCount(1);
    wordCount(2);
    writersSideBySide();
    hadoopFs();
    distCp();
    System.exit(0);
  }
}
