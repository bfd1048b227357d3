import alluxio.cli.AbstractShell;
import alluxio.cli.fs.FileSystemShell;
import alluxio.cli.fsadmin.FileSystemAdminShell;
import alluxio.cli.job.JobShell;
import alluxio.conf.Configuration;
import alluxio.conf.InstancedConfiguration;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;

/**
 * Alluxio's own shells, many commands in one JVM: reads a command a line (shell and arguments, separated by tabs), answers a
 * line with its exit code and what it printed, in base 64.
 */
public class ShellRunner {
  public static void main(String[] unused) throws Exception {
    PrintStream answers = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    // Some commands keep the stream of their shell's start, and help closes it.
    System.setOut(new PrintStream(printed, true, "UTF-8") {
      @Override
      public void close() {
        flush();
      }
    });
    InstancedConfiguration conf = Configuration.copyGlobal();
    AbstractShell fs = new FileSystemShell(conf);
    AbstractShell admin = new FileSystemAdminShell(conf);
    AbstractShell job = new JobShell(conf);
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      String[] words = line.split("\t", -1);
      printed.reset();
      int code;
      try {
        AbstractShell shell = words[0].equals("fs") ? fs : words[0].equals("job") ? job : admin;
        code = shell.run(Arrays.copyOfRange(words, 1, words.length));
      } catch (Throwable t) {
        code = -1;
        System.out.println("thrown: " + t);
      }
      System.out.flush();
      answers.println("@answer " + (code & 255) + " " + Base64.getEncoder().encodeToString(printed.toByteArray()));
      answers.flush();
    }
    System.exit(0);
  }
}
