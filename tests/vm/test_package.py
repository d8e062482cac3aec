# SPDX-License-Identifier: BSD-2-Clause
"""`make install` and `make deb`: which files go where, what the package's scripts do, and manual pages that name
what the programs know.

Runs no virtual machine.
"""

import functools
import gzip
import os
import re
import subprocess

import pytest
from conftest import ROOT, build, make

pytestmark = pytest.mark.xdist_group("package")

MANUALS = {path.stem for path in (ROOT / "docs/man").glob("*.scd")}
UNITS = {path.name for folder in ("scripts", "tools/ctl/units") for path in (ROOT / folder).glob("*.service")}
PROGRAMS = {
    "sbin/lifeboatctl": "lifeboatctl",
    "sbin/lifeboat-save": "lifeboat-save",
    "bin/lifeboat-report": "lifeboat-report",
    "bin/lifeboat-footprint": "footprint",
}
IMAGES = {"lib/lifeboat/lifeboat.efi", "lib/lifeboat/lifeboatx64.efi"}
DOCUMENTS = {path.name for pattern in ("*.md", "*.svg", "*.json", "*.conf") for path in (ROOT / "docs").glob(pattern)}
# The manual page of each program, and the command that prints its help.
PAGES = {
    "lifeboatctl.8": "lifeboatctl", "lifeboat-save.8": "lifeboat-save", "lifeboat-report.1": "lifeboat-report",
    "lifeboat-footprint.1": "footprint",
}  # fmt: skip


def listed() -> set[str]:
    """Returns all that is installed, below PREFIX."""
    return {
        *PROGRAMS, *IMAGES, *(f"lib/systemd/system/{name}" for name in UNITS),
        "lib/udev/rules.d/90-lifeboat-save.rules",
        *(f"share/man/man{name[-1]}/{name}" for name in MANUALS),
        *(f"share/bash-completion/completions/{path.rpartition('/')[2]}" for path in PROGRAMS),
        "share/doc/lifeboat/README.md", "share/doc/lifeboat/LICENSE",
        *(f"share/doc/lifeboat/docs/{name}" for name in DOCUMENTS),
    }  # fmt: skip


def files(folder) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Installs below a DESTDIR, with PREFIX=/opt/x."""
    folder = tmp_path_factory.mktemp("install")
    make("install", f"DESTDIR={folder}", "PREFIX=/opt/x")
    return folder


@pytest.fixture(scope="module")
def deb():
    (version,) = re.findall(r'LIFEBOAT_VERSION "(.*)"', (ROOT / "include/lifeboat/version.h").read_text())
    return build(f"lifeboat_{version}_amd64.deb")


@pytest.fixture(scope="module")
def unpacked(deb, tmp_path_factory):
    folder = tmp_path_factory.mktemp("deb")
    subprocess.run(["dpkg-deb", "--raw-extract", deb, folder], check=True)
    return folder


def test_exactly_what_is_listed_is_installed(installed):
    assert len(MANUALS) == 6 and UNITS and DOCUMENTS
    assert files(installed) == {f"opt/x/{name}" for name in listed()}


def broken_links(documents) -> list[str]:
    """Those of the pages below a folder whose files are not there; Debian compresses long ones."""
    broken = []
    for page in sorted([*documents.rglob("*.md"), *documents.rglob("*.md.gz")]):
        text = (gzip.open(page, "rt") if page.suffix == ".gz" else page.open()).read()
        for path in re.findall(r"\]\(([^)#\s]+)", text):
            target = page.parent / path
            if "://" not in path and not target.exists() and not target.with_name(f"{target.name}.gz").exists():
                broken.append(f"{page.name}: {path}")
    return broken


def test_links_of_the_pages_lead_to_what_is_installed(installed):
    documents = installed / "opt/x/share/doc/lifeboat"
    assert len(list(documents.rglob("*.md"))) > 10 and broken_links(documents) == []


def test_links_of_the_packages_pages_do_too(unpacked):
    assert broken_links(unpacked / "usr/share/doc/lifeboat") == []


def test_programs_can_be_run_and_nothing_else(installed):
    runnable = {name for name in files(installed) if os.access(installed / name, os.X_OK)}
    assert runnable == {f"opt/x/{name}" for name in PROGRAMS}
    modes = {oct((installed / name).stat().st_mode & 0o777) for name in files(installed)}
    assert modes == {"0o755", "0o644"}


def test_units_start_the_programs_that_were_installed(installed):
    for name in UNITS:
        text = (installed / "opt/x/lib/systemd/system" / name).read_text()
        started = re.findall(r"^(?:ConditionPathExists|Exec\w+)=[-+@!:]*(/\S*lifeboat\S*)", text, re.MULTILINE)
        assert started and "/usr/local" not in text, name
        for program in started:
            assert (installed / program[1:]).is_file(), (name, program)


def test_what_is_installed_is_what_was_built(installed):
    assert (installed / "opt/x/sbin/lifeboatctl").read_bytes() == build("lifeboatctl").read_bytes()
    for name in IMAGES:
        assert (installed / "opt/x" / name).read_bytes() == build(name.rpartition("/")[2]).read_bytes()


def test_the_package_has_what_make_install_has(unpacked):
    """Package and `make install` differ in Debian's compression, its folder for units, its own copyright file and
    changelog, and lintian's overrides."""
    wanted = {f"usr/{name}" for name in listed()} - {"usr/share/doc/lifeboat/LICENSE"}
    wanted |= {f"usr/share/{name}" for name in ("doc/lifeboat/copyright", "doc/lifeboat/changelog")}
    wanted |= {"usr/share/lintian/overrides/lifeboat"}
    found = {name for name in files(unpacked) if not name.startswith("DEBIAN/")}
    names = {name.removesuffix(".gz") for name in found}
    assert {re.sub("^lib/(systemd|udev)/", r"usr/lib/\1/", name) for name in names} == wanted


def test_the_package_has_the_same_program(unpacked):
    """The package is built in another folder. A distribution's flags change only the programs for the host."""
    for name in IMAGES:
        assert (unpacked / "usr" / name).read_bytes() == build(name.rpartition("/")[2]).read_bytes()


def test_versions_agree(deb):
    (version,) = re.findall(r'LIFEBOAT_VERSION "(.*)"', (ROOT / "include/lifeboat/version.h").read_text())
    assert (ROOT / "debian/changelog").read_text().startswith(f"lifeboat ({version}) ")
    first = re.search(r"^## (\S+) \(\d{4}-\d\d-\d\d\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first and first[1] == version
    for page in sorted(MANUALS):
        text = build(f"man/{page}").read_text()
        assert f'"Lifeboat {version}"' in next(line for line in text.splitlines() if line.startswith(".TH ")), page


def test_what_is_linked_in_is_named(deb):
    """Each source is named with the version that this machine builds with."""
    said = subprocess.run(["dpkg-deb", "-f", deb, "Built-Using"], capture_output=True, text=True, check=True).stdout
    words = ["dpkg-query", "-f", "${source:Package} (= ${source:Version})\n", "-W"]
    packages = ["fonts-spleen", "gnu-efi", "libbearssl-dev", "libzstd-dev", "zlib1g-dev"]
    built = subprocess.run([*words, *packages], capture_output=True, text=True, check=True).stdout.splitlines()
    assert sorted(said.strip().split(", ")) == sorted(built)
    copyright_text = (ROOT / "debian/copyright").read_text()
    assert all(source.split()[0] in copyright_text for source in built)


def test_lintian_has_nothing_to_say(deb):
    changes = deb.with_suffix(".changes")
    words = ["lintian", "--allow-root", "--display-info", "--fail-on", "info,warning,error", changes]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# The package's scripts


def run_script(tmp_path, name: str, *words: str, says: str = "", efi: bool = True):
    """Runs a script; returns its output, and its calls of lifeboatctl, which prints `says`. debhelper's part is left
    out."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("unshare -rm does not work here: no /sys/firmware of the test's own")
    calls = tmp_path / "calls"
    calls.write_text("")
    (tmp_path / "lifeboatctl").write_text(f'#!/bin/sh\necho "$*" >>{calls}\necho "{says}"\n[ -z "$FAIL" ]\n')
    (tmp_path / "lifeboatctl").chmod(0o755)
    folder = "mkdir -p /sys/firmware/efi/efivars" if efi else ":"
    script = f'mount -t tmpfs none /sys/firmware && {folder} && exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", "sh", str(ROOT / "debian" / name), *words]
    environment = os.environ | {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done
    return done.stdout + done.stderr, calls.read_text().splitlines()


def test_a_boot_loaders_upgrade_puts_the_order_back(tmp_path, monkeypatch):
    words = ("postinst", "triggered", "/usr/lib/shim /usr/lib/grub/x86_64-efi-signed")
    assert run_script(tmp_path, *words)[1] == ["update --boot-order"]
    monkeypatch.setenv("FAIL", "1")
    assert run_script(tmp_path, *words)[1] == ["update --boot-order"]  # dpkg goes on
    assert run_script(tmp_path, *words, efi=False)[1] == []


def test_triggers_are_where_boot_loaders_are():
    lines = re.findall("^interest-noawait (.*)$", (ROOT / "debian/triggers").read_text(), re.MULTILINE)
    assert {"/usr/lib/shim", "/usr/lib/grub/x86_64-efi-signed", "/usr/lib/systemd/boot/efi"} <= set(lines)
    for package in ("grub-efi-amd64-signed", "systemd-boot-efi"):
        said = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True, check=True).stdout
        assert set(said.splitlines()) & set(lines), package


def test_an_upgrade_writes_nothing_to_the_esp_and_says_so(tmp_path):
    said, calls = run_script(tmp_path, "postinst", "configure", "0.0.9", says="would write: /boot/efi/x")
    assert calls == ["update --dry-run"] and "lifeboatctl update" in said
    assert run_script(tmp_path, "postinst", "configure", "0.0.9", says="not installed")[0] == ""
    assert run_script(tmp_path, "postinst", "configure") == ("", [])


def test_removal_says_what_stays(tmp_path):
    said, calls = run_script(tmp_path, "prerm", "remove", says="would remove: /boot/efi/x")
    assert calls == ["remove --dry-run"] and "stays on the EFI system partition" in said
    assert run_script(tmp_path, "prerm", "remove")[0] == ""
    assert run_script(tmp_path, "prerm", "upgrade", "0.2.0") == ("", [])


# Manual pages and completion


@functools.cache
def read_page(name: str) -> str:
    """Returns the page as a terminal shows it, with enough columns for unbroken words."""
    environment = os.environ | {"MANWIDTH": "400", "LC_ALL": "C.UTF-8"}
    words = ["man", "--no-hyphenation", "--no-justification", "-l", build(f"man/{name}")]
    shown = subprocess.run(words, capture_output=True, text=True, check=True, env=environment).stdout
    return re.sub(r".\x08", "", shown)


def defined(page: str, heading: str) -> set[str]:
    """Returns the words that a section's tagged paragraphs define."""
    (section,) = re.findall(rf"^{heading}\n(.*?)(?=^\S|\Z)", page, re.MULTILINE | re.DOTALL)
    tags = re.findall(r"^       (\S.*)$", section, re.MULTILINE)
    return {word for tag in tags for word in re.findall(r"(?:^|, )(-?-?[a-z][a-z-]*)", tag)}


@functools.cache
def help_of(program: str, *command: str) -> str:
    return subprocess.run([build(program), *command, "--help"], capture_output=True, text=True, check=True).stdout


def options_of(text: str) -> set[str]:
    """Returns the options at the beginnings of a help text's lines, without their explanations."""
    lines = re.findall(r"^ +(-\S.*?)(?:  |$)", text, re.MULTILINE)
    return {word for line in lines for word in re.findall(r"(?:^|, )(--?[a-z][a-z-]*)", line)}


@pytest.mark.parametrize("name", PAGES)
def test_a_manual_has_the_options_of_the_help_and_no_others(name):
    wanted = options_of(help_of(PAGES[name]))
    assert {"--help", "--version"} < wanted
    assert defined(read_page(name), "OPTIONS") == wanted


def commands_of(text: str) -> set[str]:
    return set(re.findall(r"^  ([a-z][a-z-]*) ", text, re.MULTILINE))


# By folder of tools/.
NAMES = {"ctl": "lifeboatctl", "save": "lifeboat-save", "report": "lifeboat-report", "footprint": "lifeboat-footprint"}


@pytest.mark.parametrize("folder", NAMES)
def test_a_message_begins_with_its_program_s_name(folder):
    """As it is installed; a bar of progress has none."""
    source = "".join(path.read_text() for path in sorted((ROOT / "tools" / folder).glob("*.c")))
    said = re.findall(r'fprintf\(stderr,\s*"([^"]*)', source) + re.findall(r'fputs\("([^"]*)",\s*stderr\)', source)
    assert said and "perror(" not in source
    assert [text for text in said if not text.startswith((f"{NAMES[folder]}: ", "\\r%3u "))] == []
    assert set(re.findall(r'end_output\("([^"]*)"', source)) <= {NAMES[folder]}


def test_the_manual_says_whose_an_option_is():
    """Where the help of all does: of few commands."""
    helps = re.findall(r"^ +(--[a-z-]+)(?: .*?)?  of ([a-z, ]+):", help_of("lifeboatctl"), re.MULTILINE)
    pages = re.findall(r"^       (--[a-z-]+).*\n +Of ([a-z, ]+?)(?:, with --panic)?[:.]", read_page("lifeboatctl.8"), re.MULTILINE)
    assert dict(helps)["--from"] == "install, update" and len(helps) > 10
    assert {name: " and ".join(whose.split(", ")) for name, whose in helps} == dict(pages)


def test_the_manual_has_the_commands_of_the_help_and_no_others():
    wanted = commands_of(help_of("lifeboatctl"))
    assert {"install", "status", "remove"} < wanted
    assert defined(read_page("lifeboatctl.8"), "COMMANDS") == wanted


def test_the_manual_of_lifeboat_conf_has_every_option_of_the_loader():
    tables = "".join(file.read_text() for file in sorted((ROOT / "loader/options").glob("*options.c")))
    wanted = set(re.findall(r'^\t\[.*= \{"([a-z-]+)", ', tables, re.MULTILINE)) | {"kernel", "arguments"}
    page = read_page("lifeboat.conf.5")
    headings = ("WHAT IS STARTED", "WHAT IS A PANIC", "THE DUMP", "ANOTHER SECOND KERNEL", "MESSAGES")
    assert set.union(*(defined(page, heading) for heading in headings)) == wanted


def test_manuals_refer_to_manuals_that_are_there():
    named = {name for page in MANUALS for name in re.findall(r"\b(lifeboat\S*\(\d\))", read_page(page))}
    assert named == {f"{name[:-2]}({name[-1]})" for name in MANUALS}


_COMPLETE = """
. /usr/share/bash-completion/bash_completion && . "$1" && shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=$((${#COMP_LINE}))
_lifeboat "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(installed, *words: str) -> set[str]:
    prefix = installed / "opt/x"
    script = prefix / "share/bash-completion/completions" / words[0]
    environment = os.environ | {"PATH": f"{prefix}/sbin:{prefix}/bin:/usr/bin:/bin"}
    command = ["bash", "-c", _COMPLETE, "bash", str(script), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return set(done.stdout.split())


def test_bash_completes_commands_and_options(installed):
    assert complete(installed, "lifeboatctl", "") == commands_of(help_of("lifeboatctl"))
    assert complete(installed, "lifeboatctl", "--v") == {"--version"}
    for command in ("install", "status"):
        long = {word for word in options_of(help_of("lifeboatctl", command)) if word.startswith("--")}
        assert complete(installed, "lifeboatctl", command, "--") == long
    assert complete(installed, "lifeboatctl", "install", "--mode", "c") == {"chain"}
    assert "--mark-saved" in complete(installed, "lifeboatctl", "save", "--m")
    assert complete(installed, "lifeboat-report", "--si") == {"--signature"}
