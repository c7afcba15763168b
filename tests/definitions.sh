# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The definitions of lxc-ci, for tests, which read this behind lib.sh: Debian's package distrobuilder-images has them
# since trixie. kiln itself finds it: its plan says which file of the archive, by the signed index, has which digest.

# published_definitions: sets $DEFINITIONS to the folder that holds them.
published_definitions() {
	local found
	require_programs jq curl dpkg-deb
	require_mirror
	cp -r "$TOP/recipes/keys" "$WORK/keys"
	{
		cat <<-'R'
			image:
			  distribution: debian
			  release: trixie
			source:
			  downloader: debootstrap
			  url: http://ftp.debian.org/debian
			  variant: minbase
			  keys:
		R
		(cd "$WORK" && printf '  - %s\n' keys/debian-archive-*)
		cat <<-'R'
			packages:
			  manager: apt
			  sets:
			  - packages: [distrobuilder-images]
			    action: install
		R
	} >"$WORK/images.yaml"
	"$KILN" plan "$WORK/images.yaml" --json --quiet --cache "$CACHE" >"$WORK/images.json" 2>"$WORK/images.err" ||
		give_up 'a plan with distrobuilder-images' "$(cat "$WORK/images.err")"
	found=$(jq -r '.packages[] | select(.name == "distrobuilder-images") | .sha256 + " " + .filename' "$WORK/images.json")
	[ -n "$found" ] || give_up 'the plan has distrobuilder-images' "$(jq -r '.packages[].name' "$WORK/images.json")"
	curl -fsS -m 60 -o "$WORK/images.deb" "$MIRROR${found#* }" ||
		skip_all 'the Debian mirror of this host does not give distrobuilder-images'
	is 'distrobuilder-images is what the signed index promises' \
		"$(sha256sum "$WORK/images.deb" | cut -d ' ' -f 1)" "${found% *}"
	dpkg-deb -x "$WORK/images.deb" "$WORK/images"
	DEFINITIONS=$WORK/images/usr/share/distrobuilder-images
	[ -e "$DEFINITIONS/debian.yaml" ] || give_up 'the package has definitions' "$(find "$WORK/images")"
}
