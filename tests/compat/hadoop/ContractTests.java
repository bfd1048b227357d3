import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.contract.AbstractContractAppendTest;
import org.apache.hadoop.fs.contract.AbstractContractConcatTest;
import org.apache.hadoop.fs.contract.AbstractContractCopyFromLocalTest;
import org.apache.hadoop.fs.contract.AbstractContractCreateTest;
import org.apache.hadoop.fs.contract.AbstractContractDeleteTest;
import org.apache.hadoop.fs.contract.AbstractContractGetFileStatusTest;
import org.apache.hadoop.fs.contract.AbstractContractMkdirTest;
import org.apache.hadoop.fs.contract.AbstractContractOpenTest;
import org.apache.hadoop.fs.contract.AbstractContractRenameTest;
import org.apache.hadoop.fs.contract.AbstractContractRootDirectoryTest;
import org.apache.hadoop.fs.contract.AbstractContractSeekTest;
import org.apache.hadoop.fs.contract.AbstractContractSetTimesTest;
import org.apache.hadoop.fs.contract.AbstractContractUnbufferTest;
import org.apache.hadoop.fs.contract.AbstractFSContract;
import org.junit.runner.Description;
import org.junit.runner.JUnitCore;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

/**
 * Hadoop's file system contract tests, bound to alluxio://host:port given as the first argument.
 * Prints one line a test: outcome, test class, method and, for a failure, what was thrown.
 */
public class ContractTests {
  static String uri;

  public static class Contract extends AbstractFSContract {
    private static final String[] YES = {
      "is-case-sensitive", "supports-atomic-directory-delete", "supports-atomic-rename", "supports-seek",
      "supports-seek-on-closed-file", "rejects-seek-past-eof", "supports-unix-permissions", "supports-getfilestatus",
      "rename-returns-false-if-source-missing", "rename-returns-false-if-dest-exists", "test.root-tests-enabled",
      "supports-unbuffer",
    };
    private static final String[] NO = {
      "is-blobstore", "supports-append", "supports-concat", "supports-block-locality", "supports-strict-exceptions", "supports-settimes",
      "supports-available-on-closed-file", "rename-overwrites-dest", "rename-remove-dest-if-empty-dir",
      "rename-creates-dest-dirs", "create-visibility-delayed",
    };

    Contract(Configuration conf) {
      super(conf);
    }

    @Override
    public void init() throws IOException {
      for (String option : YES) {
        getConf().setBoolean(getConfKey(option), true);
      }
      for (String option : NO) {
        getConf().setBoolean(getConfKey(option), false);
      }
      getConf().setInt(getConfKey("test.random-seek-count"), 100);
    }

    @Override
    public FileSystem getTestFileSystem() throws IOException {
      return FileSystem.get(java.net.URI.create(uri), getConf());
    }

    @Override
    public String getScheme() {
      return "alluxio";
    }

    @Override
    public Path getTestPath() {
      return new Path("/contract");
    }
  }

  static AbstractFSContract contract(Configuration conf) {
    conf.set("fs.alluxio.impl", "alluxio.hadoop.FileSystem");
    conf.set("fs.defaultFS", uri);
    return new Contract(conf);
  }

  public static class Append extends AbstractContractAppendTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return contract(conf);
    }
  }

  public static class Concat extends AbstractContractConcatTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return contract(conf);
    }
  }

  public static class CopyFromLocal extends AbstractContractCopyFromLocalTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return contract(conf);
    }
  }

  public static class Create extends AbstractContractCreateTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return contract(conf);
    }
  }

  public static class Delete extends AbstractContractDeleteTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return contract(conf);
    }
  }

  public static class GetFileStatus extends AbstractContractGetFileStatusTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return contract(conf);
    }
  }

  public static class Mkdir extends AbstractContractMkdirTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return contract(conf);
    }
  }

  public static class Open extends AbstractContractOpenTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return contract(conf);
    }
  }

  public static class Rename extends AbstractContractRenameTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return contract(conf);
    }
  }

  public static class RootDirectory extends AbstractContractRootDirectoryTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return contract(conf);
    }
  }

  public static class Seek extends AbstractContractSeekTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return contract(conf);
    }
  }

  public static class SetTimes extends AbstractContractSetTimesTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return contract(conf);
    }
  }

  public static class Unbuffer extends AbstractContractUnbufferTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return contract(conf);
    }
  }

  /** Outcomes by test, in the order they began. */
  static class Outcomes extends RunListener {
    final Map<String, String> outcomes = new LinkedHashMap<>();

    private static String name(Description test) {
      return test.getTestClass().getSimpleName() + " " + test.getMethodName();
    }

    @Override
    public void testStarted(Description test) {
      outcomes.put(name(test), "PASS");
    }

    @Override
    public void testAssumptionFailure(Failure failure) {
      outcomes.put(name(failure.getDescription()), "SKIP");
    }

    @Override
    public void testIgnored(Description test) {
      outcomes.put(name(test), "SKIP");
    }

    @Override
    public void testFailure(Failure failure) {
      String what = String.valueOf(failure.getException());
      outcomes.put(name(failure.getDescription()), "FAIL " + what.replaceAll("\\s+", " "));
    }
  }

  public static void main(String[] arguments) {
    uri = arguments[0];
    Outcomes outcomes = new Outcomes();
    JUnitCore junit = new JUnitCore();
    junit.addListener(outcomes);
    junit.run(Create.class, Delete.class, Mkdir.class, Open.class, Rename.class, Seek.class, GetFileStatus.class, SetTimes.class,
        CopyFromLocal.class, Unbuffer.class, Append.class, Concat.class, RootDirectory.class);
    outcomes.outcomes.forEach((test, outcome) -> {
      String[] words = outcome.split(" ", 2);
      System.out.println(words[0] + " " + test + (words.length > 1 ? ": " + words[1] : ""));
    });
    System.out.flush();
    System.exit(0);
  }
}
