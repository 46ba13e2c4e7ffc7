"""Calls the original UsageService.Consume with a client generated from proto/usage/v1/usage.proto alone.

Usage: consume.py PROTO_DIRECTORY GRPC_ADDRESS TENANT PRODUCT_SKU USED_AMOUNT USE_UNITY
Prints OK, or the status code and the reason of a refusal. Needs the packages grpcio and grpcio-tools.
"""

import importlib
import pathlib
import sys
import tempfile

import grpc
from grpc_tools import protoc


def generate(proto_directory: str, into: str):
    """Compiles the original .proto as its clients did, and imports what comes out."""
    proto = pathlib.Path(proto_directory, "usage/v1/usage.proto")
    arguments = ["protoc", f"-I{proto_directory}", f"--python_out={into}", f"--grpc_python_out={into}", str(proto)]
    # The packages carry Google's well-known types beside the compiler.
    well_known = pathlib.Path(importlib.import_module("grpc_tools").__file__).parent / "_proto"
    if protoc.main(arguments + [f"-I{well_known}"]) != 0:
        sys.exit("the original proto does not compile")
    sys.path.insert(0, into)
    return importlib.import_module("usage.v1.usage_pb2"), importlib.import_module("usage.v1.usage_pb2_grpc")


def main(proto_directory: str, address: str, tenant: str, sku: str, amount: str, unity: str) -> None:
    with tempfile.TemporaryDirectory() as into, grpc.insecure_channel(address) as channel:
        messages, services = generate(proto_directory, into)
        request = messages.UsageInfoRequest(
            tenant=tenant, product_sku=sku, used_amount=int(amount), use_unity=unity
        )
        try:
            services.UsageServiceStub(channel).Consume(request, timeout=10)
            print("OK")
        except grpc.RpcError as error:
            print(error.code().name, error.details())


if __name__ == "__main__":
    main(*sys.argv[1:])
