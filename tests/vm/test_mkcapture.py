# SPDX-License-Identifier: BSD-2-Clause
"""scripts/mkcapture as a builder, without a virtual machine, a network or a real kernel.

The kernel is a made-up setup header. The assembler makes its modules: small ELF objects with what depmod reads
(exported and undefined symbols).
"""

import gzip
import lzma
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MKCAPTURE = ROOT / "scripts" / "mkcapture"
RELEASE = "6.1.0-99-test-amd64"
# Answers -v, and makes images small. Tests that need the real makedumpfile use it.
FAKE = "fake-makedumpfile"

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("busybox", "makedumpfile", "depmod", "cpio", "gcc"))),
    reason="busybox, makedumpfile, depmod, cpio or gcc is missing: scripts/setup capture test",
)


def kernel_bytes(release=RELEASE, pointer=0x3000):
    data = bytearray(0x8000)
    version = f"{release} (someone@somewhere) #1 SMP\0".encode()
    data[0x200 + pointer : 0x200 + pointer + len(version)] = version
    data[0x1FE:0x200] = b"\x55\xaa"
    data[0x202:0x206] = b"HdrS"
    data[0x20E:0x210] = pointer.to_bytes(2, "little")
    return bytes(data)


def compile_module(path, exports=(), needs=(), softdep=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.name.split(".")[0].replace("-", "_")
    lines = [".section .modinfo,\"a\"", f'.asciz "name={name}"', '.asciz "license=BSD"']
    if softdep:
        lines.append(f'.asciz "softdep={softdep}"')
    lines.append('.section __ksymtab_strings,"a"')
    lines += [f'.asciz "{symbol}"' for symbol in exports]
    lines.append(".text")
    for symbol in exports:
        lines += [f".globl {symbol}", f"{symbol}:", f".globl __ksymtab_{symbol}", f"__ksymtab_{symbol}: nop"]
    lines += [f"call {symbol}" for symbol in needs]
    lines.append("nop")
    subprocess.run(["gcc", "-c", "-x", "assembler", "-", "-o", str(path)], input="\n".join(lines) + "\n", text=True,
                   check=True)


@pytest.fixture(name="tree")
def fixture_tree(tmp_path):
    """An unpacked kernel package: boot/ and lib/modules/, without depmod's indexes."""
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot" / "vmlinuz").write_bytes(kernel_bytes())
    modules = tmp_path / "lib/modules" / RELEASE
    compile_module(modules / "kernel/virtio/virtio.ko", exports=["register_virtio"])
    compile_module(modules / "kernel/virtio/virtio_ring.ko", exports=["ring_new"], needs=["register_virtio"])
    compile_module(modules / "kernel/virtio/virtio_pci.ko", needs=["ring_new", "register_virtio"])
    compile_module(modules / "kernel/block/virtio_blk.ko", needs=["ring_new"])
    compile_module(modules / "kernel/fs/xfs.ko", softdep="pre: checksum")
    compile_module(modules / "kernel/lib/checksum.ko")
    compile_module(modules / "kernel/net/unasked.ko")
    (modules / "modules.builtin").write_text("kernel/fs/ext4/ext4.ko\n")
    (modules / "modules.order").write_text("")
    (tmp_path / FAKE).write_text(
        "#!/bin/sh\nprintf 'makedumpfile: version 9.9\\nlzo\\tenabled\\nsnappy\\tdisabled\\nzstd\\tdisabled\\n'\n")
    (tmp_path / FAKE).chmod(0o755)
    return tmp_path


def run(*arguments, **keywords):
    return subprocess.run([str(MKCAPTURE), *map(str, arguments)], capture_output=True, text=True, check=False, **keywords)


def build(tree, *arguments, name="capture.img", makedumpfile=None, **keywords):
    output = tree / name
    result = run("--kernel", tree / "boot/vmlinuz", "--output", output, "--makedumpfile", makedumpfile or tree / FAKE,
                 *arguments, **keywords)
    assert result.returncode == 0, result.stderr
    return output, result.stdout


def refused(*arguments, status=2):
    """What a refused call says: one line, no traceback; nothing was begun."""
    result = run(*arguments)
    assert result.returncode == status
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("mkcapture: ")
    return result.stderr


def unpack(image, folder):
    data = image.read_bytes()
    archive = subprocess.run(["zstd", "-dqc"], input=data, capture_output=True, check=True).stdout \
        if data.startswith(b"\x28\xb5\x2f\xfd") else gzip.decompress(data)
    listing = subprocess.run(["cpio", "-itv", "--quiet", "-n"], input=archive, capture_output=True, check=True)
    folder.mkdir()
    subprocess.run(["cpio", "-idm", "--quiet", "--no-absolute-filenames", "--no-preserve-owner", "-f", "dev/console"],
                   input=archive, capture_output=True, check=True, cwd=folder)
    return listing.stdout.decode()


def group(folder, name):
    return (folder / "lib/modules/groups" / name).read_text().split()


BAD_KERNELS = {
    "empty": (b"", "empty"),
    "text": (b"not a kernel at all\n" * 100, "not a kernel"),
    "elf": (b"\x7fELF" + bytes(4096), "an ELF file"),
    "gzip": (b"\x1f\x8b" + bytes(4096), "a gzip file"),
    "efi": (b"MZ" + bytes(4096), "an EFI program"),
    "uki": (b"MZ" + bytes(500) + b".linux\0\0" + bytes(4096), "a unified kernel image"),
    "cut in the header": (kernel_bytes()[:0x204], "not a kernel"),
    "cut before the version": (kernel_bytes()[:0x3000], "0x3200"),
    "no version": (kernel_bytes(pointer=0), "0x200"),
    "version outside": (kernel_bytes()[:0x3204], "0x3200"),
    "release is a path": (kernel_bytes(release="../../etc"), "'../../etc'"),
}


@pytest.mark.parametrize("case", BAD_KERNELS)
def test_bad_kernel_is_named(tree, case):
    data, said = BAD_KERNELS[case]
    path = tree / "boot" / "bad"
    path.write_bytes(data)
    message = refused("--kernel", path, "--output", tree / "out.img")
    assert str(path) in message and said in message
    assert not (tree / "out.img").exists()


def test_kernel_that_is_no_file(tree):
    assert "No such file" in refused("--kernel", tree / "nothing")
    assert "a directory" in refused("--kernel", tree / "boot")


def test_missing_modules_name_the_places(tree):
    shutil.rmtree(tree / "lib")
    message = refused("--kernel", tree / "boot/vmlinuz")
    assert f"{tree}/lib/modules/{RELEASE}" in message and f"/lib/modules/{RELEASE}" in message
    assert f"{tree}/boot" in refused("--kernel", tree / "boot/vmlinuz", "--modules", tree / "boot")


def test_load_order_and_what_is_left_out(tree, tmp_path):
    image, told = build(tree, "-v")
    unpack(image, tmp_path / "root")
    assert group(tmp_path / "root", "storage") == ["virtio", "virtio_ring", "virtio_pci", "virtio_blk"]
    assert group(tmp_path / "root", "xfs") == ["checksum", "xfs"]
    assert not (tmp_path / "root/lib/modules/groups/ext4").exists()
    assert not (tmp_path / "root/lib/modules/unasked.ko").exists()
    assert "skipped  ext4 (built in)" in told
    assert "skipped  nvme (missing)" in told
    assert not (tree / "lib/modules" / RELEASE / "modules.dep").exists(), "the package's own tree was written to"


def test_a_kernel_beside_its_modules(tree):
    """Since Debian 14 /usr/lib/modules/RELEASE/ holds vmlinuz, config and modules."""
    home = tree / "usr/lib/modules" / RELEASE
    home.parent.mkdir(parents=True)
    (tree / "lib/modules" / RELEASE).rename(home)
    (tree / "boot/vmlinuz").rename(home / "vmlinuz")
    (home / "config").write_text("CONFIG_RD_ZSTD=y\n")
    output = tree / "capture.img"
    result = run("--kernel", home / "vmlinuz", "--output", output, "--makedumpfile", tree / FAKE, "-v")
    assert result.returncode == 0, result.stderr
    assert "module   virtio_blk" in result.stdout
    assert output.read_bytes().startswith(b"\x28\xb5\x2f\xfd"), "packed as the configuration allows"


def test_existing_indexes_are_used(tree, tmp_path):
    subprocess.run(["depmod", "-b", str(tree), RELEASE], check=True)
    image, _ = build(tree)
    unpack(image, tmp_path / "root")
    assert group(tmp_path / "root", "storage") == ["virtio", "virtio_ring", "virtio_pci", "virtio_blk"]


def test_named_modules(tree, tmp_path):
    image, _ = build(tree, "--module", "unasked", "--module", "ext4")
    unpack(image, tmp_path / "root")
    assert group(tmp_path / "root", "extra") == ["unasked"]
    assert "--module nosuch" in refused("--kernel", tree / "boot/vmlinuz", "--module", "nosuch")


@pytest.mark.parametrize("suffix", [".xz", ".zst"])
def test_compressed_modules_are_unpacked(tree, tmp_path, suffix):
    plain, _ = build(tree, name="plain.img")
    for path in (tree / "lib").rglob("*.ko"):
        data = path.read_bytes()
        packed = {
            ".xz": lambda: lzma.compress(data, check=lzma.CHECK_CRC32),
            ".zst": lambda: subprocess.run(["zstd", "-qc"], input=data, capture_output=True, check=True).stdout,
        }[suffix]()
        path.with_name(path.name + suffix).write_bytes(packed)
        path.unlink()
    packed_image, _ = build(tree, name="packed.img")
    assert packed_image.read_bytes() == plain.read_bytes()


def test_compression_that_makedumpfile_lacks(tree):
    arguments = ("--kernel", tree / "boot/vmlinuz", "--makedumpfile", tree / FAKE)
    for name in ("zstd", "snappy"):
        message = refused(*arguments, "--compress", name)
        assert f"--compress {name}" in message and str(tree / FAKE) in message and "zlib, lzo, none" in message
    assert "not found" in refused("--kernel", tree / "boot/vmlinuz", "--makedumpfile", tree / "none")


def test_settings_reach_the_image(tree, tmp_path):
    image, told = build(tree, "--target", "tcp:10.0.2.2:4000", "--level", "1",
                        "--then", "poweroff", "--format", "elf")
    unpack(image, tmp_path / "root")
    assert (tmp_path / "root/etc/lifeboat.conf").read_text().splitlines() == [
        "target='tcp:10.0.2.2:4000'", "level='1'", "compress='lzo'", "format='elf'", "then='poweroff'",
        "supports='zlib lzo none'",
    ]
    assert "tcp:10.0.2.2:4000" in told


GOOD_TARGETS = ["/dev/vdb", "/dev/disk/by-id/x-1", "/dev/vdb1:/", "/dev/vdb:/var/crash", "LABEL=dump:/a", "UUID=1-2:/",
                "tcp:192.168.0.1:65535"]
BAD_TARGETS = ["", "vdb", "/dev/", "/dev/vdb:", "/dev/vdb:dir", "LABEL=:/x", "LABEL=x", "/dev/v b", "/dev/vdb:/a'b",
               "/dev/vdb:/../x", "tcp:host:1", "tcp:1.2.3.4:0", "tcp:1.2.3.4:65536", "tcp:1.2.3.256:1", "$(reboot)"]


@pytest.mark.parametrize("target", BAD_TARGETS)
def test_bad_targets(tree, target):
    message = refused("--kernel", tree / "boot/vmlinuz", "--target", target)
    assert f"--target {target}: wanted /dev/NAME" in message


@pytest.mark.parametrize("target", GOOD_TARGETS)
def test_good_targets(tree, target):
    _, told = build(tree, "--target", target)
    assert f"target {target}," in told


@pytest.mark.parametrize("arguments", [("--level", "32"), ("--level", "x"), ("--then", "dance"), ("--format", "tar"),
                                       ("--compress", "brotli"), ("--unknown",)])
def test_bad_words(tree, arguments):
    result = run("--kernel", tree / "boot/vmlinuz", *arguments)
    assert result.returncode == 2 and arguments[0] in result.stderr


def test_same_inputs_same_bytes(tree, tmp_path):
    makedumpfile = shutil.which("makedumpfile")
    first, _ = build(tree, name="first.img", makedumpfile=makedumpfile)
    copy = tmp_path / "elsewhere"
    shutil.copytree(tree / "boot", copy / "boot")
    shutil.copytree(tree / "lib", copy / "lib")
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    second, _ = build(copy, name="second.img", makedumpfile=makedumpfile, umask=0o077,
                       env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C"})
    assert first.read_bytes() == second.read_bytes()


def test_packing_follows_the_kernel(tree):
    image, _ = build(tree)
    assert image.read_bytes().startswith(b"\x1f\x8b"), "gzip for a kernel whose configuration is not known"
    (tree / f"boot/config-{RELEASE}").write_text("CONFIG_RD_GZIP=y\nCONFIG_RD_ZSTD=y\n")
    image, _ = build(tree)
    assert image.read_bytes().startswith(b"\x28\xb5\x2f\xfd")


def test_contents(tree, tmp_path):
    image, _ = build(tree, makedumpfile=shutil.which("makedumpfile"))
    lines = [line.split(maxsplit=8) for line in unpack(image, tmp_path / "root").splitlines()]
    assert all(line[2:4] == ["0", "0"] for line in lines)
    console = [line for line in unpack_listing(image) if line.endswith("dev/console")]
    assert len(console) == 1 and console[0].startswith("crw-------") and "5,   1" in console[0]
    root = tmp_path / "root"
    assert os.access(root / "init", os.X_OK) and os.access(root / "lib/lifeboat/capture", os.X_OK)
    assert os.readlink(root / "bin/sh") == "busybox" and not os.path.islink(root / "bin/busybox")
    scripts = ROOT / "scripts/capture"
    for path in (scripts / "lib").glob("*.sh"):
        assert (root / "lib/lifeboat" / path.name).read_bytes() == path.read_bytes()
    # All that makedumpfile is linked with lies where the dynamic linker in the image looks.
    needed = subprocess.run(["ldd", shutil.which("makedumpfile")], capture_output=True, text=True, check=True).stdout
    names = [line.split()[0] for line in needed.splitlines() if " => /" in line]
    assert names
    assert [name for name in names if not (root / "lib" / name).is_file()] == []


def unpack_listing(image):
    archive = gzip.decompress(image.read_bytes())
    return subprocess.run(["cpio", "-itv", "--quiet"], input=archive, capture_output=True, check=True).stdout.decode().splitlines()


def test_needs_no_privileges(tree):
    if os.geteuid() != 0:
        build(tree)
        return
    # A folder outside of pytest's, which are closed to other users.
    with tempfile.TemporaryDirectory() as name:
        open_tree = pathlib.Path(name)
        shutil.copytree(tree, open_tree, dirs_exist_ok=True)
        open_tree.chmod(0o777)
        image, _ = build(open_tree, user=65534, group=65534, extra_groups=[])
        assert image.stat().st_uid == 65534


def test_failure_leaves_the_old_image(tree):
    image, _ = build(tree)
    before = image.read_bytes()
    (tree / "boot/vmlinuz").write_bytes(b"broken")
    refused("--kernel", tree / "boot/vmlinuz", "--output", image)
    assert image.read_bytes() == before
    assert not list(tree.glob("*.new"))


def test_output_that_cannot_be_written(tree):
    message = refused("--kernel", tree / "boot/vmlinuz", "--output", tree / "no/such/folder/capture.img", status=1)
    assert "no/such/folder/capture.img" in message and "No such file" in message
