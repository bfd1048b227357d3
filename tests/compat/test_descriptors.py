"""Our proto files, field by field, against the descriptors inside the published client jar."""
import subprocess

from google.protobuf import descriptor_pb2

from harness import CACHE, ROOT, WORK, run

PROTO = ROOT / "proto" / "alluxio"
LABELS = {1: "LABEL_OPTIONAL", 2: "LABEL_REQUIRED", 3: "LABEL_REPEATED"}


# What 2.9.3 has and 2.9.4 renamed: the same bytes on the wire, and an RPC that is refused by name.
RENAMED_SINCE = {
    "field alluxio.grpc.block.WorkerInfo 10 buildVersion LABEL_OPTIONAL TYPE_MESSAGE .alluxio.grpc.block.BuildVersion",
    "rpc alluxio.grpc.block.BlockMasterClientService RemoveDecommissionedWorker false "
    "alluxio.grpc.block.RemoveDecommissionedWorkerPOptions false alluxio.grpc.block.RemoveDecommissionedWorkerPResponse"}


def dump_ours():
    WORK.mkdir(parents=True, exist_ok=True)
    out = WORK / "ours.pb"
    files = sorted(str(p.relative_to(PROTO)) for p in PROTO.rglob("*.proto"))
    run(["protoc", f"-I{PROTO}", f"--descriptor_set_out={out}", *files])
    descriptors = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    lines = set()

    def enum(prefix, proto):
        for value in proto.value:
            lines.add(f"enum {prefix}.{proto.name} {value.number} {value.name}")

    def message(prefix, proto):
        name = f"{prefix}.{proto.name}"
        lines.add(f"message {name}")
        for field in proto.field:
            kind = descriptor_pb2.FieldDescriptorProto.Type.Name(field.type)
            oneof = proto.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else ""
            lines.add(f"field {name} {field.number} {field.name} {LABELS[field.label]} {kind} {field.type_name} "
                      f"{field.default_value} {oneof}")
        for nested in proto.nested_type:
            message(name, nested)
        for nested in proto.enum_type:
            enum(name, nested)

    for file in descriptors.file:
        for proto in file.message_type:
            message(file.package, proto)
        for proto in file.enum_type:
            enum(file.package, proto)
        for service in file.service:
            for method in service.method:
                lines.add(f"rpc {file.package}.{service.name} {method.name} {str(method.client_streaming).lower()} "
                          f"{method.input_type[1:]} {str(method.server_streaming).lower()} {method.output_type[1:]}")
    return {line.rstrip() for line in lines}


def dump_jar(jar, classpath):
    result = subprocess.run(["java", "-cp", classpath, ROOT / "tests/compat/DescriptorDump.java", jar],
                            capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return {line.rstrip() for line in result.stdout.splitlines()}


def test_publishedClient_nothingItSpeaksIsMissingOrDifferent():
    """2.9.3, the client that users add to Spark."""
    jar = CACHE / "jars" / "alluxio-shaded-client-2.9.3.jar"
    ours, theirs = dump_ours(), dump_jar(jar, jar)
    mentioned = {line.split()[1] for line in ours}
    relevant = {line for line in theirs if line.split()[1] in mentioned}
    assert len(relevant) > 800, "the dump is empty"
    assert relevant - ours == RENAMED_SINCE


def test_newestProtocol_equalsOurs():
    """2.9.4, whose transport jar comes with the shell."""
    jar = next((CACHE / "jars" / "shell").glob("alluxio-core-transport-2.9.4.jar"))
    ours, theirs = dump_ours(), dump_jar(jar, f"{CACHE}/jars/shell/*")
    mentioned = {line.split()[1] for line in ours}
    relevant = {line for line in theirs if line.split()[1] in mentioned}
    assert not ours - theirs, sorted(ours - theirs)[:20]
    assert not relevant - ours, sorted(relevant - ours)[:20]
