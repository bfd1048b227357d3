import alluxio.ClientContext;
import alluxio.client.WriteType;
import alluxio.client.job.JobMasterClient;
import alluxio.conf.Configuration;
import alluxio.job.cmd.load.LoadCliConfig;
import alluxio.job.cmd.persist.PersistCmdConfig;
import alluxio.job.plan.migrate.MigrateConfig;
import alluxio.job.wire.Status;
import alluxio.worker.job.JobMasterClientContext;

import java.util.Collections;
import java.util.Set;

/** What shells before 2.9.4, and programs, ask Alluxio's job master for: loads, single copies, lists. */
public class JobClient {
  private static void expect(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  private static void await(JobMasterClient jobs, long id) throws Exception {
    for (int i = 0; i < 600; i++) {
      Status status = jobs.getJobStatus(id).getStatus();
      if (status.isFinished()) {
        expect(status == Status.COMPLETED, "job " + id + " is " + status);
        return;
      }
      Thread.sleep(50);
    }
    throw new AssertionError("job " + id + " does not end");
  }

  public static void main(String[] words) throws Exception {
    String file = words[0];
    Set<String> none = Collections.emptySet();
    try (JobMasterClient jobs = JobMasterClient.Factory.create(
        JobMasterClientContext.newBuilder(ClientContext.create(Configuration.copyGlobal())).build())) {
      long load = jobs.submit(new LoadCliConfig(file, 20, 2, none, none, none, none, true));
      await(jobs, load);
      expect(jobs.getCmdStatusDetailed(load).getJobStatusBlock().get(0).getFilePath().equals(file), "the file that was loaded");
      long copy = jobs.run(new MigrateConfig(file, file + "-copy", WriteType.CACHE_THROUGH, true));
      await(jobs, copy);
      expect(jobs.list().contains(load) && jobs.list().contains(copy), "both are listed");
      expect(jobs.listDetailed().stream().anyMatch(job -> job.getName().equals("Migrate")), "by name");
      jobs.cancel(copy);
      expect(jobs.getJobStatus(copy).getStatus() == Status.COMPLETED, "what has ended is not cancelled");
      expect(jobs.getAllWorkerHealth().size() == 3 && jobs.getAllMasterStatus().size() == 1, "who is there");
      try {
        jobs.submit(new PersistCmdConfig(file, 1, true, file));
        throw new AssertionError("accepted");
      } catch (Exception e) {
        expect(e.getMessage().contains("persists and heals without being asked"), e.getMessage());
      }
    }
    System.out.println("JOBS OK");
  }
}
