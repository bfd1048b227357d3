"""The shell's commands, in an order in which each finds what it needs; {port} and the like are filled in by who runs them."""

# Files named in local are made before: (name, content).
LOCAL = {"small": "line one\nline two\n", "big": "0123456789abcdef" * 5000, "tree/a": "a", "tree/sub/b": "bb"}

COMMANDS = """
fs mkdir /c /c/d/e
fs mkdir /c
fs touch /c/empty
fs touch /c/empty
fs touch /none/deep/f
fs copyFromLocal {local}/small /c/small
fs copyFromLocal {local}/small /c/small
fs copyFromLocal {local}/missing /c/x
fs copyFromLocal --thread 2 {local}/tree /c/tree
fs copyFromLocal {local}/big /c/big
fs cat /c/small
fs cat /c/none
fs cat /c
fs head -c 4 /c/small
fs tail -c 4 /c/small
fs head /c/big
fs tail /c/big
fs checksum /c/small
fs checksum /c
fs count /c
fs count -h /c
fs count /none
fs du /c
fs du -h /c
fs du -s /c
fs du -m /c
fs du -h -s -m /c
fs du /none
fs persist /c
fs persist /none
fs persist /c/small
fs ls /c
fs ls -R /c
fs ls -h /c
fs ls -d /c
fs ls -p /c
fs ls -r --sort name /c
fs ls --sort size /c
fs ls --sort bogus /c
fs ls --timestamp creationTime /c
fs ls /none
fs ls /c/s*
fs ls /c/none*
fs ls /c/small /c/big
fs stat /c/small
fs stat /c
fs stat -f %N,%z,%b,%u,%g /c/small
fs stat -f %N,%z,%b,%u,%g /c
fs stat /none
fs location /c/small
fs location /c
fs test -d /c
fs test -f /c
fs test -e /c/small
fs test -e /none
fs test -s /c/small
fs test -z /c/empty
fs test -z /c/small
fs test /c
fs chmod 600 /c/small
fs chmod -R u+x,g-w /c/tree
fs chmod bogus /c/small
fs chmod 600 /none
fs chgrp staff /c/small
fs chown ann /c/small
fs chown bob:ops /c/small
fs chown -R ann:ops /c/tree
fs ls -R /c/tree
fs chown ann /none
fs getfacl /c/small
fs setfacl -m user:eve:rw-,group:ops:r-- /c/small
fs getfacl /c/small
fs ls /c/small
fs setfacl -x user:eve /c/small
fs getfacl /c/small
fs setfacl -m mask::r-- /c/small
fs getfacl /c/small
fs setfacl --set user::rwx,group::r-x,other::---,user:kim:r-x /c/small
fs getfacl /c/small
fs setfacl -b /c/small
fs getfacl /c/small
fs setfacl -d -m user:eve:rwx /c/d
fs getfacl /c/d
fs mkdir /c/d/inherits
fs getfacl /c/d/inherits
fs touch /c/d/inherits/file
fs getfacl /c/d/inherits/file
fs setfacl -k /c/d
fs getfacl /c/d
fs setfacl -R -m group:ops:rwx /c/tree
fs getfacl /c/tree/sub/b
fs setfacl -m bogus /c/small
fs setfacl -m user:eve:q /c/small
fs setfacl /c/small
fs getfacl /none
fs pin /c/small
fs ls -p /c
fs unpin /c/small
fs pin /none
fs setTtl /c/small 3600000
fs setTtl --action free /c/small 2h
fs setTtl /c/small bogus
fs setTtl /none 10
fs unsetTtl /c/small
fs unsetTtl /none
fs setReplication --min 1 --max 2 /c/small
fs setReplication --max 0 --min 1 /c/small
fs setReplication -R --max 3 /c/tree
fs setReplication /c/small
fs setReplication --min 0 /none
fs cp /c/small /c/copy
fs cp /c/small /c/d
fs cp /c/tree /c/tree2
fs cp -R /c/tree /c/tree2
fs cp /none /c/x
fs cp file://{local}/small /c/fromlocal
fs cat /c/fromlocal
fs copyToLocal /c/small {local}/back{side}
fs copyToLocal /c/tree {local}/treeback{side}
fs copyToLocal /none {local}/x
fs mv /c/copy /c/moved
fs mv /c/none /c/x
fs mv /c/moved /c/big
fs mv /c/tree2 /c/d/tree3
fs mv /c/small /nodir/x
fs free /c/big
fs ls /c/big
fs load /c/big
fs load --local /c/big
fs load /none
fs free /none
fs distributedCp --async /c/small /c/dcp2
fs mkdir /c/dcp
fs distributedCp /c/small /c/dcp/small
fs cat /c/dcp/small
fs distributedCp /c/tree/sub /c/dcp/tree
fs count /c/dcp
fs cat /c/dcp/tree/b
fs distributedCp /c/empty /c/dcp/empty
fs distributedCp --overwrite true /c/tree/sub /c/dcp/tree
fs distributedCp --overwrite false /c/tree/sub /c/dcp/tree
fs distributedCp /c/tree /c/tree/x
fs distributedCp /c/none /c/dcp/none
fs distributedCp /c/tree/sub /c/no/parent
fs distributedCp /c/small
fs rm -R /c/dcp
fs rm /c/dcp2
job ls
job leader
job stat 12
job stat x
job cancel 12
job getCmdStatus 12
fsadmin report jobservice
fs loadMetadata /c
fs loadMetadata -R /c
fs loadMetadata -R -F /c
fs checkConsistency /c
fs checkConsistency /none
fs needsSync /c
fs needsSync /none
fs getSyncPathList
fs syncDirNextTime true /c
fs mkdir /mnt
fs mount /mnt/a {other}
fs mount /mnt/a {other}
fs mount /nodir/a/b {other}
fs ls /mnt
fs ls /mnt/a
fs cat /mnt/a/hello
fs updateMount --readonly /mnt/a
fs touch /mnt/a/no
fs updateMount --shared /mnt/a
fs updateMount /none
fs rm -R /mnt
fs mv /mnt/a /mnt/b
fs unmount /mnt/a
fs unmount /mnt/a
fs unmount /c
fs ls /mnt
fs mount --readonly --shared /mnt/a {other}
fs unmount /mnt/a
fs rm /c/small
fs rm /c/small
fs rm /c/d
fs rm -R /c/d
fs rm --alluxioOnly /c/big
fs rm -R /
fs freeWorker 127.0.0.9
fs freeWorker 127.0.0.4
fs freeWorker
fs leader
fs masterInfo
fs bogus
fs ls
fs mkdir
fs ls --bogus /c
fs rm
fs help ls
fs help bogus
fsadmin report capacity
fsadmin report ufs
fsadmin report summary
fsadmin report bogus
fsadmin pathConf list
fsadmin pathConf add --property alluxio.user.file.readtype.default=NO_CACHE /c
fsadmin pathConf list
fsadmin pathConf show /c
fsadmin pathConf show /c/tree
fsadmin pathConf show --all /c/tree
fsadmin pathConf remove --keys alluxio.user.file.readtype.default /c
fsadmin pathConf list
fsadmin pathConf add --property bogus.key=1 /c
fsadmin doctor
fsadmin doctor configuration
fsadmin doctor storage
fsadmin metrics clear --master
fsadmin getBlockInfo 12345
fsadmin statelock
fsadmin journal checkpoint
fsadmin updateConf alluxio.master.journal.retry.interval=2sec
fsadmin ufs --mode readOnly {other}
fsadmin bogus
"""


def commands(**values):
    """(shell, arguments) of each."""
    for line in COMMANDS.strip().splitlines():
        shell, *words = line.format(**values).split(" ")
        yield shell, words
