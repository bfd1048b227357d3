"""The rows of docs/COMPATIBILITY.md: area, feature, Alluxio 2.9, Spillway, and the tests that show it."""

N, S, J, H, C, P = ("test_namespace.py", "test_spark.py", "test_java_client.py", "test_hadoop.py", "test_clients.py", "peer/test_beside_alluxio.py")
SAME = "the same"

FEATURES = [
    ("Hadoop", "file system contract tests of Hadoop 3.3.4", "{Alluxio_failing} of {Alluxio_run} fail", "{Spillway_failing} of {Spillway_run} fail, all the client's doing; none that passes there",
     [f"{P}::test_contract_noneFailsThatPassesThere", f"{H}::test_fileSystemContract"]),
    ("Hadoop", "TeraGen, TeraSort, TeraValidate; FileOutputCommitter 1 and 2; writers side by side; `hadoop fs`; distcp", "yes", SAME,
     [f"{H}::test_mapReduceAndTools"]),
    ("Hadoop", "`exists()` below a file", "throws", "false", [f"{H}::test_fileSystemContract"]),
    ("Hadoop", "delete of the root", "throws AccessControlException", "false, as HDFS", [f"{H}::test_fileSystemContract"]),
    ("Engines", "PySpark 3.5: text, partitioned parquet", "yes; temporary files reach S3", "one PUT a file, no temporary key", [f"{S}::test_textAndParquet"]),
    ("Engines", "parquet, ORC, JSON, CSV; dynamic partition overwrite; Hive tables with an embedded metastore", "yes", SAME,
     [f"{S}::test_tableFormatsAndHiveTables"]),
    ("Engines", "Delta Lake 3.2, Iceberg 1.6: append, merge, overwrite, time travel, commits side by side", "yes", SAME + "; checked again from S3",
     [f"{S}::test_tableFormatsAndHiveTables"]),
    ("Clients", "shaded clients 2.7.4, 2.8.1, 2.9.0, 2.9.3, 2.9.6", "2.9 servers promise 2.x clients", "all five", [f"{C}::test_version"]),
    ("Clients", "short circuit on one host", "yes", SAME, [f"{C}::test_shortCircuit", f"{J}::test_shortCircuit_writesAndReadsTheFileItself"]),
    ("Clients", "several masters named", "yes", SAME + " (one answers)", [f"{C}::test_severalMastersNamed_theFirstIsDown"]),
    ("Clients", "path configuration", "yes", SAME, [f"{C}::test_pathConfiguration"]),
    ("Clients", "impersonation, Hadoop proxy users", "yes", SAME, [f"{C}::test_proxyUsers"]),
    ("Clients", "NOSASL", "yes", SAME, ["test_nosasl.py::test_bothShells"]),
    ("Clients", "Java API", "yes", SAME, ["test_java_api.py::test_api"]),
    ("Clients", "MUST_CACHE, CACHE_THROUGH, THROUGH, ASYNC_THROUGH", "yes", SAME, [f"{J}::test_writeTypes"]),
    ("Clients", "append, truncate, hflush that others can read", "no", "no: the client does not offer them", [f"{H}::test_fileSystemContract"]),
    ("Name space", "mount, unmount, updateMount; read-only; options and credentials of their own", "unmount drops what is not persisted",
     "unmount waits for it; credentials are never shown", [f"{N}::test_mount_writeReadAndUnmount", f"{N}::test_mounts_withOptionsOfTheirOwn"]),
    ("Name space", "`sync.interval`, load types, `loadMetadata`, `needsSync`", "yes",
     SAME + "; what is not persisted never gives way to the bucket",
     [f"{N}::test_newObjects_appearWhenAskedFor", f"{N}::test_syncInterval_followsTheBucket", f"{N}::test_needsSync_onceThenNotAgain",
      f"{N}::test_unpersistedFiles_areNotGivenUpForWhatIsInTheBucket"]),
    ("Name space", "sync in the background with progress", "yes", "`loadMetadata -a`", [f"{N}::test_backgroundSync_tellsHowFarItIs"]),
    ("Name space", "`checkConsistency`, with repair", "yes", SAME, [f"{N}::test_checkConsistency_findsAndRepairs"]),
    ("Name space", "active sync (`startSync`)", "HDFS only", "no: no understore here tells of changes", [f"{J}::test_metadataCommands"]),
    ("Name space", "directories with and without marker objects", "writes markers", "reads and deletes them, writes none",
     [f"{N}::test_directoriesWithAndWithoutMarkers"]),
    ("Name space", "POSIX permissions, ACLs, default ACLs", "yes", SAME, [f"{N}::test_permissions_andAcls"]),
    ("Name space", "umask, supergroup, owners", "owners must be users of the master's host", "names are names", [f"{N}::test_umask_andSupergroup"]),
    ("Name space", "extended attributes", "yes", SAME, ["test_java_api.py::test_extendedAttributes"]),
    ("Name space", "pin, TTL with its three actions", "yes", SAME, [f"{N}::test_pin_keepsFromBeingFreed", f"{N}::test_ttl_itsThreeActions"]),
    ("Name space", "setReplication heals and trims", "yes", SAME, [f"{N}::test_setReplication_healsAndTrims"]),
    ("Name space", "names in any UTF-8", "yes", SAME, [f"{N}::test_names_inAnyUtf8"]),
    ("Name space", "keys beyond 1,024 bytes", "fail when they are persisted", "refused when they are made", [f"{N}::test_keysBeyond1024Bytes_areRefusedEarly"]),
    ("Name space", "quotas on files and bytes per directory", "no", "`fsadmin quota`", [f"{N}::test_quotas_onFilesAndBytes"]),
    ("Shell", "Alluxio's own shell against our servers", "", "{shell_differences} of {shell_commands} commands differ, each justified in `tests/compat/peer/test_beside_alluxio.py`",
     [f"{P}::test_shell_answersAsBesideAlluxio"]),
    ("Shell", "our shell, command by command as Alluxio's", "", "differences justified in `tests/compat/test_shell.py`",
     ["test_shell.py::test_everyCommand_answersAsAlluxiosShell"]),
    ("Shell", "completion, man pages, `--json`", "completion for bash", "bash and zsh; `spillway docs man`", ["test_shell.py::test_completionAndManPages"]),
    ("Shell", "`load --submit`, `--progress`, `--stop`", "yes", "the same: the workers load", [f"{J}::test_loadsAreSubmittedToTheWorkers"]),
    ("Shell", "`freeWorker`", "drops what is not persisted", "leaves it", [f"{J}::test_freeWorker_leavesWhatIsNeeded"]),
    ("Shell", "`distributedCp`, `distributedLoad`, `load` by the workers", "job service", "no job service: the master tells the workers", [f"{J}::test_distributedCp_isCarriedOutByTheWorkers", f"{J}::test_loadsAreSubmittedToTheWorkers"]),
    ("Shell", "job master's port, `job` shell, `fsadmin report jobservice`", "yes", "the same, for copies and loads", [f"{J}::test_jobMasterClient_asProgramsUseIt", "test_shell.py::test_everyCommand_answersAsAlluxiosShell"]),
    ("Wire", "all messages and services as the Java client has them", "", SAME, ["test_descriptors.py"]),
]


def table(outcomes=None, figures=None):
    """Markdown; outcomes: by "file::test" (without parameters), whether it passed. figures: what the run has counted."""
    lines = ["| area | feature | Alluxio 2.9 | Spillway | shown by |" + (" |" if outcomes else ""), "|---|---|---|---|---|" + ("---|" if outcomes else "")]
    for area, feature, theirs, ours, tests in FEATURES:
        shown = ", ".join(f"`{test}`" for test in tests)
        row = f"| {area} | {feature} | {theirs} | {ours} | {shown} |"
        if figures is not None:
            row = row.format_map(figures)
        if outcomes:
            states = [outcomes.get(test) for test in tests]
            row += " **not run** |" if None in states else " passed |" if all(states) else " **FAILED** |"
        lines.append(row)
    return "\n".join(lines) + "\n"
