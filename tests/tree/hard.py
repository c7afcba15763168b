#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packages in which everything matters that dpkg does between two maintainer scripts: order, arguments and
environment of scripts, diversions, overrides, conffiles, triggers, alternatives, Replaces, odd files.

	hard.py FOLDER          builds them into FOLDER, as root; prints the names to install

Every script writes down what it was told and what it found into /var/lib/hard/PACKAGE, so that whoever compares two
roots compares that, too.
"""
import os
import shutil
import subprocess
import sys
import tempfile

EPOCH = 1600000000

# What scripts begin with. DPKG_FRONTEND_LOCKED, DPKG_NO_TSTP and DPKG_COLORS are apt's words to dpkg; it removes with
# --force-depends, and what was triggered is in any order.
NOTE = r"""#!/bin/sh
set -e
mkdir -p /var/lib/hard
exec 3>>"/var/lib/hard/$DPKG_MAINTSCRIPT_PACKAGE"
note() { echo "$*" >&3; }
sorted=$(printf '%s\n' $2 | sort | tr '\n' ' ')
[ "$1" != triggered ] || set -- triggered "$sorted"
note "$(basename "$0" | sed 's/.*\.//')$(printf ' <%s>' "$@") in $(pwd), umask $(umask)," \
	"$(readlink /proc/$$/fd/0 | sed 's/[0-9]//g')"
env | grep -E '^(DPKG|DEB)' | grep -vE '^DPKG_(FRONTEND_LOCKED|NO_TSTP|COLORS)=' | sed 's/,unsafe-io//; s/,depends//' |
	LC_ALL=C sort >&3
state() { note "$1: $(dpkg-query -W -f '${db:Status-Want} ${db:Status-Eflag} ${db:Status-Status} ${Version}' "$1" 2>&1)"; }
look() { note "$1: $(stat -c '%A %u:%g %s' "$1" 2>&1) $(cat "$1" 2>&1 | head -c 200)"; }
"""

PACKAGES = []


def package(name, *fields, version="1.0", arch="all", conffiles=(), members=None, files=(), **scripts):
	"""FILES: (path, text or None for a folder[, mode[, owner[, group]]]); scripts: their text behind NOTE."""
	PACKAGES.append({"name": name, "fields": fields, "version": version, "arch": arch, "conffiles": conffiles,
		"members": members or {}, "files": files, "scripts": scripts})


# ---- diversions: of what is there, of what comes in the same run, of a conffile, of a link, by an essential package

package("hard-victim", files=[
	("/usr/share/hard/file", "the victim's\n"),
	("/usr/share/hard/both", "the victim's\n"),
	("/usr/share/hard/link", "-> file")])
package("hard-victim-later", "Pre-Depends: hard-diverts, hard-interest", conffiles=["/etc/hard/diverted.conf"],
	files=[("/etc/hard/diverted.conf", "the victim's\n"), ("/usr/share/hard/late", "x\n")], preinst="", postinst="look /etc/hard/diverted.conf.diverted\n")
package("hard-diverts", "Depends: hard-victim", files=[
	("/usr/share/hard/both", "the diverter's\n"),
	("/usr/share/hard/diverts", "x\n")],
	preinst="""
for f in /usr/share/hard/file /usr/share/hard/late /usr/share/hard/both /usr/share/hard/link /etc/hard/diverted.conf /usr/share/doc/bash/README.gz; do
	dpkg-divert --package hard-diverts --quiet --add --rename --divert "$f.diverted" "$f"
done
""", postinst="""
look /usr/share/hard/both; look /usr/share/hard/both.diverted
""")
package("hard-base-victim", files=[("/usr/share/hard/of-the-base", "the base's\n")])
package("hard-essential", "Essential: yes", "Depends: hard-base-victim", files=[
	("/usr/share/hard/essential", "x\n")],
	preinst="""
dpkg-divert --package hard-essential --quiet --add --rename --divert /usr/share/hard/of-the-base.aside \\
	/usr/share/hard/of-the-base
dpkg-statoverride --quiet --force-statoverride-add --add games games 0640 /usr/share/hard/essential
""")
package("hard-local", files=[("/usr/share/hard/local", "x\n")],
	preinst="dpkg-divert --local --quiet --add --no-rename --divert /usr/share/hard/local.kept /usr/share/hard/local\n")

# ---- overrides of owner and mode: of a file that comes, of a folder, of a conffile

package("hard-override", conffiles=["/etc/hard/override.conf"], files=[
	("/usr/share/hard/owned", "x\n", 0o644), ("/var/lib/hard-override", None, 0o755),
	("/etc/hard/override.conf", "x\n")],
	preinst="""
dpkg-statoverride --add --force-statoverride-add games tty 2750 /var/lib/hard-override
dpkg-statoverride --add --force-statoverride-add games tty 6751 /usr/share/hard/owned
dpkg-statoverride --add --force-statoverride-add root games 0640 /etc/hard/override.conf
""")

# ---- what a preinst may rely on, through two levels

package("hard-conf", conffiles=["/etc/hard/a.conf"], files=[("/etc/hard/a.conf", "a\n")],
	postinst="echo made >/var/lib/hard-made\n")
package("hard-needs-conf", "Pre-Depends: hard-conf (>= 0.5)",
	preinst="state hard-conf; state hard-needs-conf; look /etc/hard/a.conf; look /var/lib/hard-made\n",
	postinst="state hard-needs-conf\n")
package("hard-needs-needs", "Pre-Depends: hard-needs-conf", "Depends: hard-late",
	preinst="state hard-needs-conf; state hard-late\n", postinst="state hard-late\n")
package("hard-late", "Multi-Arch: allowed", arch="amd64", postinst="state hard-late\n")

# ---- conffiles: there already and the same, through a link, taken over, of two kinds, named twice, gone

package("hard-conffiles", "Depends: hard-conf",
	conffiles=["/etc/hard/same.conf", "/etc/hard/other.conf", "/etc/hard/link.conf", "/etc/hard/moved.conf",
		"/etc/hard/secret.conf", "/etc/hard/deep/er/x.conf", "remove-on-upgrade /etc/hard/gone.conf"],
	files=[("/etc/hard/same.conf", "same\n"), ("/etc/hard/other.conf", "packaged\n"), ("/etc/hard/link.conf", "link\n"),
		("/etc/hard/moved.conf", "of hard-conffiles\n"), ("/etc/hard/secret.conf", "", 0o600),
		("/etc/hard/deep/er/x.conf", "x\n", 0o640, 0, 8)],
	preinst="""
mkdir -p /etc/hard
echo same >/etc/hard/same.conf; chmod 600 /etc/hard/same.conf
echo mine >/etc/hard/other.conf
ln -s real.conf /etc/hard/link.conf; echo real >/etc/hard/real.conf
""", postinst="look /etc/hard/same.conf; look /etc/hard/link.conf; look /etc/hard/moved.conf\n")
package("hard-takes", "Pre-Depends: hard-conffiles", "Replaces: hard-conffiles (<< 2)", conffiles=["/etc/hard/moved.conf"],
	files=[("/etc/hard/moved.conf", "of hard-takes\n")], preinst="look /etc/hard/moved.conf\n",
	postinst="look /etc/hard/moved.conf\n")
package("hard-takes-early", "Replaces: hard-given", conffiles=["/etc/hard/given.conf"],
	files=[("/etc/hard/given.conf", "of hard-takes-early\n"), ("/usr/share/hard/given", "of hard-takes-early\n")])
package("hard-given", "Pre-Depends: hard-takes-early", conffiles=["/etc/hard/given.conf"],
	files=[("/etc/hard/given.conf", "of hard-given\n"), ("/usr/share/hard/given", "of hard-given\n"),
		("/usr/share/hard/own", "x\n")], preinst="")

# ---- Replaces, of an older and of a newer package, and in vain

package("hard-old", files=[("/usr/share/hard/shared", "old\n"), ("/usr/share/hard/stays", "old\n")])
package("hard-new", "Replaces: hard-old (<< 1.5), hard-nobody", "Depends: hard-old",
	files=[("/usr/share/hard/shared", "new\n")])
package("hard-new-first", "Replaces: hard-old-last", files=[("/usr/share/hard/shared2", "new\n")])
package("hard-old-last", "Pre-Depends: hard-new-first",
	files=[("/usr/share/hard/shared2", "old\n"), ("/usr/share/hard/stays2", "old\n")])

# ---- triggers: of files, by name, from scripts, with and without waiting; one whose package is not configured

package("hard-interest", members={"triggers":
	"interest /usr/share/hard-files\ninterest-noawait hard-word\ninterest hard-call\ninterest-noawait /etc/hard/trig\n"
	"interest-noawait /usr/share/hard/late\ninterest-noawait /usr/share/hard/late.diverted\n"},
	postinst='[ "$1" != triggered ] || ls /usr/share/hard-files >/var/lib/hard-interest 2>&1 || true\n')
# Their preinst is what makes kiln wait for the pre-dependency, and so what lets them activate.
package("hard-file", "Pre-Depends: hard-interest", preinst="", conffiles=["/etc/hard/trig/x.conf"],
	files=[("/usr/share/hard-files/sub/one", "1\n"), ("/etc/hard/trig/x.conf", "x\n")], postinst="look /var/lib/hard-interest\n")
package("hard-waits", "Depends: hard-file",
	postinst="look /var/lib/hard-interest; state hard-file; state hard-interest\n")
package("hard-says", "Pre-Depends: hard-interest", preinst="", members={"triggers": "activate-noawait hard-word\nactivate hard-nobody\n"})
package("hard-calls", "Pre-Depends: hard-interest", preinst="", postinst="dpkg-trigger hard-call; dpkg-trigger --no-await /usr/share/hard-files/x\n")
package("hard-interest-late", "Depends: hard-file", members={"triggers": "interest /usr/share/hard-files\n"}, postinst="")

# ---- alternatives: three priorities, links of their own, and one that is set by hand

for letter, priority, more in (("a", 10, ""), ("b", 50, ""), ("c", 30, "update-alternatives --set hard-manual /usr/share/hard/alt-c\n")):
	package(f"hard-alt-{letter}", *(["Depends: hard-alt-a, hard-alt-b"] if letter == "c" else []),
		files=[(f"/usr/share/hard/alt-{letter}", f"{letter}\n"), (f"/usr/share/hard/alt-{letter}.1", f"{letter}\n")],
		postinst=f"""
update-alternatives --quiet --install /usr/bin/hard-auto hard-auto /usr/share/hard/alt-{letter} {priority} \\
	--slave /usr/share/hard/hard-auto.1 hard-auto.1 /usr/share/hard/alt-{letter}.1
update-alternatives --quiet --install /usr/bin/hard-manual hard-manual /usr/share/hard/alt-{letter} {priority}
""" + more)

# ---- files of every kind, odd owners, modes, names and times

package("hard-files", arch="amd64", files=[
	("/usr/share/hard-odd/setuid", "x\n", 0o4755), ("/usr/share/hard-odd/setgid", None, 0o2775, 0, 50),
	("/usr/share/hard-odd/setgid/in-it", "x\n"), ("/usr/share/hard-odd/sticky", None, 0o1777),
	("/usr/share/hard-odd/none", "x\n", 0o000), ("/usr/share/hard-odd/number", "x\n", 0o640, 12345, 54321),
	("/usr/share/hard-odd/named", "x\n", 0o640, 5, 60), ("/usr/share/hard-odd/empty", ""),
	("/usr/share/hard-odd/pipe", "|", 0o622), ("/usr/share/hard-odd/hard1", "many\n"),
	("/usr/share/hard-odd/hard2", "= /usr/share/hard-odd/hard1"), ("/usr/share/hard-odd/hard3", "= /usr/share/hard-odd/hard1"),
	("/usr/share/hard-odd/nowhere", "-> ../../no/where"), ("/usr/share/hard-odd/folder-link", "-> setgid"),
	("/usr/share/hard-odd/a b\\c \"d\" $e", "x\n"), ("/usr/share/hard-odd/\u00fc\u4e2d", "x\n"),
	("/usr/share/hard-odd/" + "n" * 200, "x\n"), ("/usr/share/hard-odd/" + "/".join(["deep" * 20] * 4) + "/f", "x\n"),
	("/usr/share/hard-odd/" + "l" * 120, "-> " + "t" * 150)])
package("hard-link", files=[("/usr/share/hard-odd2/real", None), ("/usr/share/hard-odd2/way", "-> real")])
package("hard-through", "Pre-Depends: hard-link",
	files=[("/usr/share/hard-odd2/way", None, 0o700), ("/usr/share/hard-odd2/way/file", "x\n")])
package("hard-keeps", "Pre-Depends: hard-link", files=[("/usr/share/hard-odd2/real", "-> elsewhere"),
	("/usr/share/hard/keeps", "dpkg lets a package vanish of which others have all\n")])
package("hard-private", files=[("/usr/share/hard-odd3", None, 0o700, 5, 60)])
package("hard-public", "Pre-Depends: hard-private",
	files=[("/usr/share/hard-odd3", None, 0o755), ("/usr/share/hard-odd3/file", "x\n")])

# ---- what becomes of fields and members

package("hard-fields", "homepage: https://example.org/", "X-Odd: 1", "Essential: no", "Bugs: debbugs://x",
	"Origin: Nobody", "Installed-Size: 7", "Section: misc", "Priority: extra", "Multi-Arch: foreign",
	"Provides: hard-virtual (= 2), hard-other", "Depends: hard-conf(>=0.5)|hard-none , hard-late:any (>> 0:0.1)",
	"Recommends: hard-none", "Breaks: hard-old (<< 0.5)", "Tag: a::b,\n c::d", "Enhances: hard-conf",
	"Conflicts: hard-none2", version="0:1.0", members={"md5sums": "0123456789abcdef0123456789abcdef  usr/share/hard/none\n",
	"shlibs": "libx 1 x\n", "symbols": "x\n", "odd": "kept\n"}, files=[("/usr/share/hard/fields", "x\n")])
package("hard-same", "Multi-Arch: same", arch="amd64", version="2:1.0~rc1-1", conffiles=["/etc/hard/same-arch.conf"],
	members={"triggers": "interest-noawait hard-same-word\n"},
	files=[("/etc/hard/same-arch.conf", "x\n"), ("/usr/lib/hard/same", "x\n")],
	preinst="state hard-same:amd64\n", postinst="state hard-same:amd64\n")
package("hard-debconf", "Pre-Depends: debconf", members={
	"templates": "Template: hard/question\nType: string\nDefault: answer\nDescription: made for a test\n"},
	config="#!/bin/sh\nset -e\n. /usr/share/debconf/confmodule\ndb_input low hard/question || true\ndb_go || true\n",
	preinst="mkdir -p /etc/hard\ncp /var/lib/dpkg/tmp.ci/templates /etc/hard/seen-by-preinst; ls /var/lib/dpkg/tmp.ci >&3\n",
	postinst='. /usr/share/debconf/confmodule\ndb_get hard/question\necho "$RET" >/etc/hard/answer\ndb_stop\n')
package("hard-helper", conffiles=["/etc/hard/kept.conf"], files=[("/etc/hard/kept.conf", "x\n")], **{script: """
dpkg-maintscript-helper rm_conffile /etc/hard/former.conf 0.9~ -- "$@"
dpkg-maintscript-helper symlink_to_dir /usr/share/hard-helper other 0.9~ -- "$@"
""" for script in ("preinst", "postinst", "postrm")})

# ---- users, circles, and one that is removed and comes back

for letter in "dacb":
	package(f"hard-user-{letter}", "Depends: passwd" + (", hard-user-d" if letter == "a" else ""),
		postinst=f"useradd --system --user-group --no-create-home --home-dir /nowhere --shell /usr/sbin/nologin _hard-{letter}\n")
package("hard-owned", "Pre-Depends: hard-user-b", preinst="useradd --system --uid 444 _hard-owned\n",
	files=[("/usr/share/hard/by-number", "x\n", 0o640, 444, 0)])
package("hard-circle-a", "Depends: hard-circle-b", postinst="state hard-circle-b\n")
package("hard-circle-b", "Depends: hard-circle-c", files=[("/usr/share/hard/circle", "x\n")])
package("hard-circle-c", "Depends: hard-circle-a", postinst="state hard-circle-a\n")
for script in ("with", "without"):
	package(f"hard-returns-{script}", conffiles=[f"/etc/hard/returns-{script}.conf"], version="3.0",
		files=[(f"/etc/hard/returns-{script}.conf", "x\n"), (f"/usr/share/hard/returns-{script}", "x\n")],
		postinst=f'[ "$1$2" != configure ] || echo edited >>/etc/hard/returns-{script}.conf\n', prerm="", postrm="",
		**({"preinst": ""} if script == "with" else {}))


def place(root, path, text, mode=None, owner=0, group=0):
	"""TEXT None: a folder; "-> x": a link; "= x": a hard link; "|": a pipe."""
	target = root + path
	os.makedirs(os.path.dirname(target), exist_ok=True)
	if text is None:
		os.makedirs(target, exist_ok=True)
	elif text.startswith("-> "):
		os.symlink(text[3:], target)
		return
	elif text.startswith("= "):
		os.link(root + text[2:], target)
		return
	elif text == "|":
		os.mkfifo(target)
	else:
		with open(target, "w", encoding="utf-8") as f:
			f.write(text)
	os.chown(target, owner, group)
	os.chmod(target, mode if mode is not None else 0o755 if text is None else 0o644)


def build(made, out):
	with tempfile.TemporaryDirectory() as root:
		os.chmod(root, 0o755)
		for file in made["files"]:
			place(root, *file)
		members = dict(made["members"])
		if made["conffiles"]:
			members["conffiles"] = "".join(path + "\n" for path in made["conffiles"])
		members["control"] = "\n".join([f"Package: {made['name']}", f"Version: {made['version']}",
			f"Architecture: {made['arch']}", "Maintainer: Test <test@example.org>", *made["fields"],
			"Description: a package for tests", ""])
		for name, text in members.items():
			place(root, "/DEBIAN/" + name, text)
		for name, text in made["scripts"].items():
			place(root, "/DEBIAN/" + name, text if name == "config" else NOTE + text, 0o755)
		for folder, names, files in os.walk(root):
			for number, name in enumerate(sorted(names + files)):
				os.utime(os.path.join(folder, name), (EPOCH + number, EPOCH + number), follow_symlinks=False)
		subprocess.run(["dpkg-deb", "-Znone", "--nocheck", "--build", root,
			f"{out}/{made['name']}.deb"], check=True, capture_output=True)


def main():
	out = sys.argv[1]
	shutil.rmtree(out, ignore_errors=True)
	os.makedirs(out)
	os.umask(0o022)
	for made in PACKAGES:
		build(made, out)
		print(made["name"])


main()
