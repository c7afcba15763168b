#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whom kiln believes: a table of attacks on signatures, digests, time and the way to the server, each refused with its
# message and exit status; and beside them what is in order, and is accepted.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_programs python3 gpg gpgv dpkg-deb jq openssl
cd "$WORK" || exit 1
attacks=0
controls=0

# ---- keys, in a home that nobody else knows

unset SSL_CERT_FILE KILN_AUTH
export GNUPGHOME=$WORK/gpg
mkdir -m 700 "$GNUPGHOME"
at_exit gpgconf --kill all
# gpg_as ARGUMENT...
gpg_as() {
	gpg --batch --quiet --no-tty --pinentry-mode loopback --passphrase '' "$@" 2>>gpg.log
}
# new_key NAME [EXPIRES [OPTION...]]: NAME.asc
new_key() {
	gpg_as "${@:3}" --quick-gen-key "$1" ed25519 sign "${2:-never}" && gpg_as --armor --export "$1" >"$1.asc"
}
before=--faked-system-time=20200101T000000
if ! { new_key good never $before && new_key other && new_key unknown && new_key expired 2020-02-01 $before &&
	new_key revoked; }; then
	give_up 'keys are made' "$(cat gpg.log)"
fi
mkdir key
cp good.asc key/public.asc

# ---- one archive, and what is made of it

deb tiny --arch amd64 --field 'Essential: yes' --field 'Priority: required' --file /usr/share/tiny=tiny
deb apt --arch amd64 --field 'Priority: important' --field 'Depends: tiny'
hour=3600
now=$(date +%s)
# base FOLDER [ARGUMENT...]: without any signature
base() {
	python3 "$TOP/tests/make_archive.py" archive "web/$1" --debs debs --sign none --date $((now - hour)) "${@:2}" ||
		give_up 'an archive is made'
}
base base
# variant NAME [OF]: the archive with a dists/bookworm of its own, in $V; nothing in it is signed
variant() {
	local of=${2:-base}
	V=web/$1/dists/bookworm
	mkdir -p "$V"
	ln -sfn "../$of/pool" "web/$1/pool"
	ln -sfn "../../../$of/dists/bookworm/main" "$V/main"
	cp "web/$of/dists/bookworm/Release" "$V/Release"
}
# clear FILE [OPTION...]: its Release → FILE, clear-signed
clear() {
	local file=$1
	shift
	[ $# -gt 0 ] || set -- -u good
	gpg_as "$@" --yes --clearsign -o "$file" "$V/Release"
}
# detached FILE [OPTION...]
detached() {
	local file=$1
	shift
	[ $# -gt 0 ] || set -- -u good
	gpg_as "$@" --yes --armor --detach-sign -o "$file" "$V/Release"
}
serve web

# recipe NAME: of the variant NAME: NAME.yaml
recipe() {
	tiny_recipe "$1.yaml" "$SERVER/$1"
}
# plan NAME [ARGUMENT...]: in a cache of its own, which knows nothing
plan() {
	recipe "$1"
	rm -rf "cache-$1"
	"$KILN" plan "$1.yaml" --mirror none --cache "cache-$1" "${@:2}"
}
# refused NAME KIND PATTERN WHAT: the attack is counted
refused() {
	attacks=$((attacks + 1))
	fails "$4" "$2" "$3" plan "$1"
}
# accepted NAME WHAT
accepted() {
	controls=$((controls + 1))
	run plan "$1"
	if [ "$status" = 0 ] && grep -q '^tiny ' <<<"$out"; then ok "$2"; else not_ok "$2" "exit status $status
$err"; fi
}
# attack WHAT KIND PATTERN COMMAND...: one that is no plan() of its own
attack() {
	attacks=$((attacks + 1))
	fails "$@"
}
# control WHAT COMMAND...
control() {
	controls=$((controls + 1))
	check "$@"
}

# ---- signatures

variant inrelease && clear "$V/InRelease" && rm "$V/Release"
accepted inrelease 'InRelease'
variant pair && detached "$V/Release.gpg"
accepted pair 'Release with Release.gpg'
variant both && clear "$V/InRelease" -u good -u unknown
accepted both 'a good signature beside that of an unknown key'
variant weak_too && clear "$V/InRelease" -u good && clear weak -u other --digest-algo SHA1 --weak-digest MD5
# packets FILE...: the signatures in these clear-signed files, as one armoured block
packets() {
	local file
	for file; do
		sed -n '/^-----BEGIN PGP SIGNATURE/,$p' "$file" | gpg_as --dearmor
	done | gpg_as --enarmor | sed 's/PGP ARMORED FILE/PGP SIGNATURE/; /^Comment:/d'
}
# joined FILE...: the message of the first, with the signatures of all
joined() {
	sed '/^-----BEGIN PGP SIGNATURE/,$d' "$1"
	packets "$@"
}
joined "$V/InRelease" weak >both_signed && mv both_signed "$V/InRelease"
accepted weak_too 'a good signature beside one with SHA-1'

variant unsigned
refused unsigned trust "neither 'InRelease' nor 'Release.gpg'" 'a Release file without a signature'
variant stripped && mv "$V/Release" "$V/InRelease"
refused stripped trust "is no clear-signed text" 'InRelease without its signature'
variant before && clear "$V/InRelease" && sed -i '1i Origin: Evil' "$V/InRelease"
refused before trust 'is no clear-signed text' 'text before the message'
variant blank && clear "$V/InRelease" && sed -i '1s/^/\n/' "$V/InRelease"
refused blank trust 'is no clear-signed text' 'an empty line before the message'
variant after && clear "$V/InRelease" && echo 'Origin: Evil' >>"$V/InRelease"
refused after trust 'is no clear-signed text' 'text after the signature'
variant twice && clear "$V/InRelease" && cat "$V/InRelease" >two && cat two >>"$V/InRelease"
refused twice trust 'is no clear-signed text' 'two signed messages'
variant literal && clear "$V/InRelease" && gpg_as --armor --store -o - "$V/Release" >>"$V/InRelease"
refused literal trust 'is no clear-signed text' 'a message without a signature behind a signed one'
variant head && clear "$V/InRelease" && sed -i '2i Origin: Evil' "$V/InRelease"
refused head trust 'is no clear-signed text' 'a field in the head of the message'
variant dash && clear "$V/InRelease" && sed -i '5i -----BEGIN PGP MESSAGE-----' "$V/InRelease"
refused dash trust 'is no clear-signed text' 'another beginning in the middle of it'
variant smuggled && clear "$V/InRelease"
{
	sed '/^-----BEGIN PGP SIGNATURE/,$d' "$V/InRelease"
	{ gpg_as --store -o - "$V/Release"; sed -n '/^-----BEGIN PGP SIGNATURE/,$p' "$V/InRelease" | gpg_as --dearmor; } |
		gpg_as --enarmor | sed 's/PGP ARMORED FILE/PGP SIGNATURE/; /^Comment:/d'
} >text && mv text "$V/InRelease"
refused smuggled trust 'is no clear-signed text' 'a text among the signatures'
variant changed && clear "$V/InRelease" && sed -i 's/^Origin: Test/Origin: Evil/' "$V/InRelease"
refused changed trust 'has a bad signature' 'another word in the signed text'
variant foreign && clear "$V/InRelease" -u other
refused foreign trust 'by keys that the recipe does not have: 0x' 'a key that the recipe does not have'
variant partly && clear "$V/InRelease" && sed -i 's/^Label: Test/Label: Evil/' "$V/Release" && clear second
joined "$V/InRelease" second >text && mv text "$V/InRelease"
refused partly trust 'has a bad signature' 'a good signature beside a bad one'
variant cut && clear "$V/InRelease" && sed -i '$d' "$V/InRelease"
refused cut trust 'is no clear-signed text' 'a signature without an end'


# The keys that a recipe has: expired, revoked; signatures that are.
sign_by() {
	variant "$1" && clear "$V/InRelease" "${@:2}"
}
# refused_by KEY NAME PATTERN WHAT: with that key in the recipe
refused_by() {
	cp "$1.asc" key/public.asc
	refused "$2" trust "$3" "$4"
	cp good.asc key/public.asc
}
sign_by expired_key -u expired $before
refused_by expired expired_key 'has expired' 'a key that has expired'
sign_by expired_signature -u good $before --default-sig-expire 1d
refused expired_signature trust 'has expired' 'a signature that has expired'
sign_by revoked_key -u revoked
sed 's/^:---/---/' gpg/openpgp-revocs.d/"$(gpg_as --with-colons --list-keys revoked |
	awk -F: '/^fpr/ {print $10; exit}')".rev | gpg_as --import
gpg_as --armor --export revoked >revoked.asc
refused_by revoked revoked_key 'is revoked' 'a key that is revoked'
sign_by sha1 -u good --digest-algo SHA1 --weak-digest MD5
refused sha1 trust "'source.accept_sha1: true'" 'a signature with SHA-1'
sign_by ripemd -u good --digest-algo RIPEMD160 --weak-digest MD5
refused ripemd trust 'no longer counts' 'a signature with RIPEMD-160'
controls=$((controls + 1))
run plan sha1 -o source.accept_sha1=true
is 'SHA-1, of which the recipe says that it will do' "$status" 0
attack 'RIPEMD-160 is not meant by that' trust 'no longer counts' plan ripemd -o source.accept_sha1=true

variant pair_changed && detached "$V/Release.gpg" && sed -i 's/^Origin: Test/Origin: Evil/' "$V/Release"
refused pair_changed trust 'has a bad signature' 'Release beside the signature of another'
variant pair_message && clear "$V/Release.gpg" && sed -i 's/^Origin: Test/Origin: Evil/' "$V/Release"
refused pair_message trust 'something else in it than signatures' 'a signed message in the place of its signature'
variant pair_packed && gpg_as --sign -u good -o signed "$V/Release" &&
	gpg_as --enarmor <signed | sed 's/PGP ARMORED FILE/PGP SIGNATURE/; /^Comment:/d' >"$V/Release.gpg"
refused pair_packed trust 'something else in it than signatures' 'the same, dressed as a signature'
variant pair_empty && : >"$V/Release.gpg"
refused pair_empty trust 'something else in it than signatures' 'an empty signature'

# Nobody's keys but those of the recipe, whatever the host trusts.
mkdir -p home/.gnupg
gpg_as --export other >home/.gnupg/trustedkeys.gpg
cp home/.gnupg/trustedkeys.gpg home/.gnupg/pubring.gpg
attacks=$((attacks + 1))
HOME=$WORK/home GNUPGHOME=$WORK/home/.gnupg fails "a key of the host's own" trust 'keys that the recipe does not have' \
	plan foreign
# fake SCRIPT: a gpgv that does that
fake() {
	mkdir -p fake
	printf '#!/bin/bash\n%s\n' "$1" >fake/gpgv
	chmod 755 fake/gpgv
}
valid='while [ "$1" != --status-fd ]; do shift; done
printf "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 1 x\n[GNUPG:] VALIDSIG 1 2 3 0 4 0 22 10 %s 1\n" "$class" >&"$2"'
with_fake() {
	fake "$1"
	PATH=$WORK/fake:$PATH plan inrelease
}
attack 'a gpgv that crashes behind its good news' system 'gpgv ends with exit status' with_fake "class=01
$valid
kill -SEGV \$\$"
attack 'a signature of a key, not of a document' trust 'finds its form wrong' with_fake "class=10
$valid"
attack 'a gpgv that says nothing' trust 'no valid signature' with_fake 'exit 0'
fake 'env >env; exit 1'
(PATH=$WORK/fake:$PATH FOO=bar GNUPGHOME=$WORK/home/.gnupg plan inrelease >/dev/null 2>&1)
is 'what gpgv gets of the environment' "$(grep -vE '^(PWD|_|SHLVL|OLDPWD)=' env | cut -d= -f1 | sort | tr '\n' ' ')" 'LC_ALL PATH '

# ---- digests

# spoiled NAME: signed, with indexes and packages of its own
spoiled() {
	base "$1-files" --no-by-hash --index plain
	variant "$1" "$1-files"
	rm "web/$1/pool" && cp -r "web/$1-files/pool" "web/$1/pool"
	rm "$V/main" && cp -r "web/$1-files/dists/bookworm/main" "$V/main"
	clear "$V/InRelease"
}
spoiled index && sed -i 's/^Description: a package/Description: A package/' "$V/main/binary-amd64/Packages"
refused index digest "index '.*Packages'.*has SHA-256 .* promises" 'another word in an index'
spoiled longer && echo 'Package: evil' >>"$V/main/binary-amd64/Packages"
refused longer digest 'more than the .* bytes' 'an index with more than was promised'
spoiled package && printf X | dd of="$(echo web/package/pool/main/tiny*.deb web/package/pool/main/t/tiny/tiny*.deb |
	tr ' ' '\n' | grep -v '\*')" bs=1 seek=200 conv=notrunc 2>/dev/null
if as_root true 2>/dev/null; then
	recipe package
	attack 'a package with a wrong byte' digest "package 'tiny'.*has SHA-256" "$KILN" build package.yaml --mirror none \
		--cache cache-p --until fetch
fi
# weak NAME SED: the digests of its Release file as SED leaves them, signed
weak() {
	variant "$1" && sed -i "$2" "$V/Release" && clear "$V/InRelease"
}
weak md5 's/^SHA256:/MD5Sum:/; s/^ [0-9a-f]\{32\}[0-9a-f]\{32\} / 00000000000000000000000000000000 /'
refused md5 trust 'has no SHA-256 digests' 'a Release file with MD5 alone'
weak sha1sum 's/^SHA256:/SHA1:/; s/^ [0-9a-f]\{40\}[0-9a-f]\{24\} / 0000000000000000000000000000000000000000 /'
refused sha1sum trust 'has no SHA-256 digests' 'a Release file with SHA-1 alone'
weak twice_sha 's/^SHA256:/SHA256:\n 0000 1 x\nSHA256:/'
refused twice_sha format 'malformed|twice' 'a list of digests that stands twice'
base weak_packages --no-by-hash --index plain
variant weak_packages-signed weak_packages
rm "$V/main" && cp -r web/weak_packages/dists/bookworm/main "$V/main"
P=$V/main/binary-amd64/Packages
sed -i "s/^SHA256: .*/SHA1: $(printf '0%.0s' {1..40})/" "$P"
sed -i "s/^ [0-9a-f]* [0-9]* main\/binary-amd64\/Packages$/ $(sha256sum "$P" | cut -d' ' -f1) $(stat -c %s "$P") main\/binary-amd64\/Packages/" \
	"$V/Release"
clear "$V/InRelease"
refused weak_packages-signed 'format|trust' 'SHA256|SHA-256' 'packages with SHA-1 alone'

# ---- time

sign_time() {
	base "$1-files" "${@:2}"
	variant "$1" "$1-files" && clear "$V/InRelease"
}
sign_time stale --valid-until $((now - 60))
refused stale expired 'expired .* ago \(Valid-Until: ' 'an archive that is no longer valid'
controls=$((controls + 1))
run plan stale -o source.check_valid_until=false
is 'which the recipe may accept' "$status $(grep -c '^kiln: warning: .*expired' <<<"$err")" '0 1'
sign_time future --date $((now + 7200))
refused future expired 'is not valid yet.*clock' 'one of two hours from now'
sign_time soon --date $(($(date +%s) + 8))
accepted soon 'one of some seconds from now'
base bullseye --suite bullseye
refused bullseye fetch "no such suite 'bookworm'" 'a suite that is not there'
variant other_suite && cp web/bullseye/dists/bullseye/Release "$V/Release" && clear "$V/InRelease"
refused other_suite trust "is of suite 'bullseye'" 'the Release file of another suite'

# Three states of one archive, and the cache in which they are seen one after the other.
sign_time day1 --date $((now - 3 * 86400))
sign_time day2 --date $((now - 2 * 86400))
sign_time day3 --date $((now - 86400))
# at DAY [ARGUMENT...]: the archive as it was then, in a cache that stays
at() {
	local day=$1
	shift
	ln -sfn "$day" web/moving
	"$KILN" plan moving.yaml --mirror none --cache seen "$@"
}
recipe moving
control 'an archive is seen' at day2
control 'the same again' at day2
attack 'an older one is played back' expired "is older than it was: .*--accept-older bookworm" at day1
attack 'and again' expired 'is older than it was' at day1
attack 'through another mirror' expired 'is older than it was' at day1 --mirror "$SERVER/day1"
control 'a newer one' at day3
attack 'the one before' expired 'is older than it was' at day2
attack 'another name does not help' expired 'is older than it was' at day2 --accept-older bullseye
run at day3 --offline
is 'the good copy is still in the cache, for --offline' "$status" 0
control 'a lock of the newest' "$KILN" lock moving.yaml --mirror none --cache seen --output moving.lock
ln -sfn day1 web/moving
control 'a locked build asks nobody' "$KILN" plan moving.yaml --mirror none --cache seen --locked=moving.lock
run at day1 --accept-older bookworm --quiet
is '--accept-older names it, and a warning stays' "$status $(grep -c '^kiln: warning: .*is older than it was.*--accept-older says' <<<"$err")" '0 1'
control 'from there it counts' at day1
control 'on to the next' at day3
controls=$((controls + 1))
run at day2 -o source.accept_older=true
is 'a recipe that says so' "$status $(grep -c 'warning: .*as the recipe says' <<<"$err")" '0 1'
control 'by its address' at day1 --accept-older "$SERVER/moving"
at day3 >/dev/null 2>&1
for f in seen/dates/*; do printf 'kiln-date 1 rubbish\n' >"$f"; done
run at day3
is 'a damaged record is noticed, and begun anew' "$status $(grep -c 'warning: the newest Date seen of' <<<"$err")" '0 1'
attack 'and counts again' expired 'is older than it was' at day2
run "$KILN" cache trim --keep 0 --cache seen
attack 'trimming the cache forgets no date' expired 'is older than it was' at day2
run "$KILN" cache trim dates --keep 0 --cache seen
control 'unless they are named' at day2
is 'there is one record for it, and nothing else' "$(find seen/dates -type f ! -name .lock | wc -l)" 1
pids=()
for i in 1 2 3 4; do
	at day3 >"at.$i" 2>&1 &
	pids+=($!)
done
failed=0
for i in "${pids[@]}"; do wait "$i" || failed=1; done
is 'four at once' "$failed $(find seen/dates -type f ! -name .lock | wc -l)" '0 1'
# Mirrors of one distribution, named differently by the recipe.
tiny_recipe ftp.yaml http://ftp.debian.org/debian
tiny_recipe deb.yaml http://ftp.de.debian.org/debian
control 'one address of Debian' "$KILN" plan ftp.yaml --mirror none --mirror "$SERVER/day2" --cache seen
attack 'another address of Debian' expired 'is older than it was' \
	"$KILN" plan deb.yaml --mirror none --mirror "$SERVER/day1" --cache seen
control 'a snapshot of it is of its time' "$KILN" plan deb.yaml --mirror none --mirror "$SERVER/day1" --cache seen \
	-o "source.snapshot=$(date -u -d @$((now - 2 * 86400)) +%Y%m%dT%H%M%SZ)"

# ---- without verification

run plan unsigned --insecure-skip-verification --quiet
controls=$((controls + 1))
is '--insecure-skip-verification, and what --quiet cannot silence' \
	"$status $(grep -c "^kiln: warning: suite 'bookworm' at .* is NOT VERIFIED, as --insecure-skip-verification says: is not signed" <<<"$err")" '0 1'
for name in stripped changed foreign expired_key revoked_key sha1 pair_message; do
	run plan $name --insecure-skip-verification
	controls=$((controls + 1))
	is "with it: $name" "$status $(grep -c 'NOT VERIFIED' <<<"$err")" '0 1'
done
run plan inrelease --insecure-skip-verification
is 'what is signed is verified all the same' "$status $(grep -c 'NOT VERIFIED' <<<"$err")" '0 0'
run plan unsigned -o source.skip_verification=true
attacks=$((attacks + 1))
is 'the recipe alone changes nothing' "$status $(grep -c "warning: 'source.skip_verification: true' alone changes nothing" <<<"$err")" "$(status_of trust) 1"
has '... as kiln check says' "$("$KILN" check unsigned.yaml -o source.skip_verification=true 2>&1)" \
	"note: 'source.skip_verification: true' changes nothing"
attack 'digests count all the same: an index' digest "index '.*Packages'" plan index --insecure-skip-verification
attack 'and time' expired 'is not valid yet' plan future --insecure-skip-verification
attack 'nothing of it is kept' fetch 'not in the cache' "$KILN" plan unsigned.yaml --mirror none --cache cache-unsigned --offline
is 'nor its Date' "$(find cache-unsigned/dates -type f 2>/dev/null | wc -l)" 0

# ---- the way to the server

recipe inrelease
# through MODES: the archive behind a server with these modes, TRIES once
through() {
	rm -rf cache-through
	"$KILN" plan inrelease.yaml --mirror none --mirror "$SERVER/@$1/inrelease" --cache cache-through
}
refused_way() {
	attack "$1" fetch "$2" through "$3"
}
refused_way 'a redirect to a file of this host' 'redirects to a scheme that is refused' tofile
for scheme in ftp gopher dict ldap smb; do
	refused_way "a redirect to $scheme" 'redirects to a scheme that is refused' "toscheme=$scheme"
done
refused_way 'a redirect to itself' 'redirects' loop
port=${SERVER##*:}
control 'a redirect to another path' through redirect
control 'a redirect to another host' through "to=http:localhost:$port"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=Test CA' -keyout ca.key -out ca.pem 2>/dev/null
# certificate NAME SUBJECT-ALT-NAME [DAYS]: NAME.pem, by that CA
certificate() {
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
	printf 'subjectAltName=%s\n' "$2" >ext
	if [ -n "${3-}" ]; then # in the past
		mkdir -p ca-db && : >ca-db/index && echo 01 >ca-db/serial
		printf '[ca]\ndefault_ca=x\n[x]\ndatabase=ca-db/index\nserial=ca-db/serial\nnew_certs_dir=ca-db\npolicy=p\ndefault_md=sha256\n[p]\ncommonName=supplied\n' >ca.conf
		openssl ca -batch -config ca.conf -cert ca.pem -keyfile ca.key -in "$1.csr" -out "$1.crt" -extfile ext \
			-startdate 20200101000000Z -enddate 20200201000000Z -notext 2>/dev/null
	else
		openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile ext -out "$1.crt" 2>/dev/null
	fi
	cat "$1.crt" "$1.key" >"$1.pem"
}
certificate tls IP:127.0.0.1
certificate wrong DNS:elsewhere.example
certificate past IP:127.0.0.1 past
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=self' -addext subjectAltName=IP:127.0.0.1 \
	-keyout self.key -out self.crt 2>/dev/null
cat self.crt self.key >self.pem
# serve_tls NAME: sets ${TLS[NAME]}
declare -A TLS
serve_tls() {
	python3 "$TOP/tests/server.py" web --tls "$1.pem" --log "$1.log" >"$1.port" 2>/dev/null </dev/null &
	at_exit kill $!
	within 10 test -s "$1.port" || give_up 'a server with TLS starts'
	TLS[$1]=https://127.0.0.1:$(cat "$1.port")
}
for name in tls wrong past self; do serve_tls $name; done
# over SERVER [CA]
over() {
	rm -rf cache-over
	SSL_CERT_FILE=${2-$WORK/ca.pem} "$KILN" plan inrelease.yaml --mirror none --mirror "${TLS[$1]}/inrelease" --cache cache-over
}
control 'https' over tls
attack 'a certificate of an unknown authority' fetch 'its certificate is not good' over tls /etc/ssl/certs/ca-certificates.crt
attack 'one that signed itself' fetch 'its certificate is not good' over self
attack 'one for another host' fetch 'its certificate is not good' over wrong
attack 'one that has expired' fetch 'its certificate is not good.*expired' over past
cp tls.port tls-down.port
TLS[down]="${TLS[tls]}/@to=http:127.0.0.1:$port"
attack 'https sent back to http' fetch 'redirects to a scheme that is refused' over down
TLS[up]="$SERVER/@to=https:127.0.0.1:${TLS[tls]##*:}"
control 'http sent on to https' over up
echo 'Acquire::https::CaInfo "'"$WORK/ca.pem"'";' >apt.conf
tls_by_apt() {
	rm -rf cache-over
	APT_CONFIG=$WORK/apt.conf "$KILN" plan inrelease.yaml --mirror none --mirror "${TLS[tls]}/inrelease" --cache cache-over
}
if command -v apt-config >/dev/null; then
	control "apt's CaInfo" tls_by_apt
	printf 'Acquire::http::Proxy "http://proxyuser:PLANTED-proxy@127.0.0.1:%s/";\n' "$port" >apt.conf
	tiny_recipe far.yaml http://archive.invalid/inrelease
	APT_CONFIG=$WORK/apt.conf "$KILN" plan far.yaml -v --cache cache-far --mirror none >far.out 2>&1
	has "apt's proxy is asked, with its password" "$(cat "$SERVER_LOG")" \
		'^GET http://archive\.invalid/inrelease/dists/bookworm/InRelease .* proxy as proxyuser:PLANTED-proxy'
	APT_CONFIG=$WORK/apt.conf http_proxy=http://u:PLANTED-env@127.0.0.1:$port "$KILN" plan far.yaml -v --cache cache-far2 --mirror none >>far.out 2>&1
	has "the environment's goes first" "$(cat "$SERVER_LOG")" ' proxy as u:PLANTED-env'
	APT_CONFIG=$WORK/apt.conf "$KILN" plan inrelease.yaml --cache cache-far3 --mirror none >>far.out 2>&1
	has_no 'but not for this host itself' "$(grep "$SERVER" "$SERVER_LOG")" 'proxy as'
else
	skip "apt's settings" 'no apt on this host'
fi

# ---- passwords

TLS[auth]="${TLS[tls]}/@auth=me:PLANTED-auth"
attack 'no password' fetch 'HTTP 401' over auth
printf '# for tests\nmachine elsewhere.example login x password y\nmachine 127.0.0.1:%s/@auth=me:PLANTED-auth/\n\tlogin me password PLANTED-auth\n' \
	"${TLS[tls]##*:}" >auth.conf
chmod 600 auth.conf
export KILN_AUTH=$WORK/auth.conf
control 'a password as apt has it' over auth
sed -i "s/machine 127.0.0.1:[0-9]*/machine 127.0.0.1:$port/" auth.conf
attack 'it is for https alone' fetch 'HTTP 401' through auth=me:PLANTED-auth
sed -i "s/machine 127/machine http:\/\/127/" auth.conf
control 'unless it names http' through auth=me:PLANTED-auth
unset KILN_AUTH
sent() {
	rm -rf cache-sent
	: >"$SERVER_LOG"
	"$KILN" plan inrelease.yaml -v --mirror none --mirror "http://me:PLANTED-url@127.0.0.1:$port/@$1/inrelease" --cache cache-sent
}
control 'a redirect to another host' sent "to=http:localhost:$port"
has 'the first host got the password' "$(cat "$SERVER_LOG")" '^GET /@to.* as me:PLANTED-url'
has_no 'the second did not' "$(grep -v '^GET /@' "$SERVER_LOG")" ' as '

# A build with passwords in every place that takes one, and one that fails; then everything that they left is searched.
secret=PLANTED
tiny_recipe secret.yaml "http://me:PLANTED-recipe@127.0.0.1:$port/@auth=me:PLANTED-recipe/inrelease" 2>/dev/null
: >"$SERVER_LOG"
rm -rf cache-secret out-secret
run "$KILN" plan secret.yaml -v --json --mirror none --cache cache-secret
is 'a recipe with a password' "$status" 0
has 'which is sent' "$(cat "$SERVER_LOG")" ' as me:PLANTED-recipe'
said=$out$err
run "$KILN" lock secret.yaml -v --mirror none --cache cache-secret --output secret.lock -o "image.description=see http://me:PLANTED-text@h/"
said+=$out$err
run "$KILN" plan secret.yaml -v --mirror none --mirror "http://me:PLANTED-wrong@127.0.0.1:$port/@auth=me:x/inrelease" --cache cache-secret2
said+=$out$err
run "$KILN" plan secret.yaml --mirror none --cache cache-secret
said+=$out$err
run "$KILN" plan secret.yaml --steps
said+=$out$err
run "$KILN" plan secret.yaml --mirror none --cache cache-secret2 -o source.snapshot=20260101T000000Z
said+=$out$err
cat >lines.yaml <<-R
	$(cat secret.yaml)
	  repositories:
	  - name: sources.list
	    url: |-
	      deb [nonsense=1] http://me:PLANTED-line@127.0.0.1:$port/x bookworm main
R
run "$KILN" plan lines.yaml --mirror none --cache cache-secret2
said+=$out$err
run "$KILN" plan secret.yaml -v --mirror none --mirror "ftp://me:PLANTED-ftp@127.0.0.1/" --cache cache-secret2
said+=$out$err
run "$KILN" plan secret.yaml -v --mirror none -o "source.url=http://me:PLANTED-o@127.0.0.1:1/" --cache cache-secret2
said+=$out$err
run "$KILN" plan secret.yaml -v --mirror none --mirror "http://me:PLANTED-loop@127.0.0.1:$port/@loop/x" --cache cache-secret2
said+=$out$err
is 'nothing that is said has a password in it' "$(grep -v '@auth=' <<<"$said" | grep -c "$secret")" 0
is 'nor has a file of the cache, or a lock' \
	"$(grep -rlE 'PLANTED' cache-secret cache-secret2 cache-sent cache-far* secret.lock far.out 2>/dev/null |
		xargs -r sed 's/@auth=[^/]*//g' | grep -c 'PLANTED')" 0
"$KILN" plan secret.yaml --mirror none --mirror "http://me:PLANTED-argument@127.0.0.1:$port/@silent/x" --cache cache-secret3 \
	>/dev/null 2>&1 &
pid=$!
within 5 grep -q '@silent' "$SERVER_LOG"
arguments=$(tr '\0' ' ' </proc/$pid/cmdline)
kill "$pid"
wait "$pid" 2>/dev/null
has 'the arguments of the process' "$arguments" "http://x+@127\.0\.0\.1:$port/@silent/x"
has_no 'show no password' "$arguments" PLANTED


# ---- whole builds: what they leave says what was not verified, and no password

if as_root true 2>/dev/null; then
	base_deb
	base whole
	variant whole-unsigned whole
	variant whole-signed whole && clear "$V/InRelease"
	# whole NAME ADDRESS [ARGUMENT...]: in out-NAME
	whole() {
		tiny_recipe whole.yaml http://archive.invalid/debian
		SOURCE_DATE_EPOCH=$now "$KILN" build whole.yaml --mirror none --mirror "$2" --cache cache-whole --output "out-$1" \
			--format unified -v "${@:3}" >"$1.said" 2>&1
	}
	# field NAME FILTER
	field() {
		jq -r "$2" "out-$1/image.json"
	}
	control 'a build of a signed archive' whole signed "$SERVER/whole-signed"
	attack 'a build of an unsigned one' trust 'is not signed' \
		"$KILN" build whole.yaml --mirror none --mirror "$SERVER/whole-unsigned" --cache cache-whole --output out-refused
	control 'the same, by the option' whole unsigned "$SERVER/whole-unsigned" --insecure-skip-verification
	is 'the image has the same bytes' "$(field unsigned .artifacts[0].fingerprint)" "$(field signed .artifacts[0].fingerprint)"
	is 'its record says so' "$(field unsigned '.verification, .inputs.archives[0].verified' | tr '\n' ' ')" 'skipped false '
	is 'that of the other has nothing of it' "$(field signed '.verification, .inputs.archives[0].verified' | tr '\n' ' ')" 'null null '
	name=$(field unsigned .name)
	is 'its provenance says so' "$(jq -r '.predicate.buildDefinition | .externalParameters.verification,
		(.resolvedDependencies[] | select(.name == "release") | .annotations.verified)' \
		"out-unsigned/$name.provenance.json" | tr '\n' ' ')" 'skipped false '
	is 'its log says so' "$(grep -c 'NOT VERIFIED' "out-unsigned/$name.log")" 1
	has 'kiln verify says so' "$("$KILN" verify "out-unsigned/$name.tar.zst")" 'note: the archives .* were not verified'
	has_no 'and not of the other' "$("$KILN" verify "out-signed/$name.tar.zst")" 'not verified'
	has 'kiln inspect says so' "$("$KILN" inspect "out-unsigned/$name.tar.zst")" 'NOT VERIFIED'
	is 'also in JSON' "$("$KILN" inspect "out-unsigned/$name.tar.zst" --json | jq -r .verification)" skipped
	run "$KILN" rebuild out-unsigned/image.json whole.yaml --mirror none --mirror "$SERVER/whole-unsigned" --cache cache-whole
	is 'kiln rebuild says so, and makes the same' "$status $(grep -c '^kiln: warning: .*NOT VERIFIED' <<<"$err")" '0 1'
	control 'a lock of it' "$KILN" lock whole.yaml --mirror none --mirror "$SERVER/whole-unsigned" --cache cache-whole \
		--insecure-skip-verification --output whole.lock
	is 'the lock says so' "$(grep -c '^  verified: false' whole.lock)" 1
	run "$KILN" plan whole.yaml --locked=whole.lock --mirror none --cache cache-whole --quiet
	is 'and whoever goes by it is told' "$status $(grep -c '^kiln: warning: whole.lock .*NOT VERIFIED' <<<"$err")" '0 1'

	# Passwords in the address of the mirror, of a proxy, in a variable and in apt's file.
	printf 'machine http://127.0.0.1 login me password PLANTED-auth\n' >auth.conf
	cp -r cache-whole cache-clean
	rm -rf cache-whole
	control 'a build with a password for its mirror' whole secret "http://me:PLANTED-mirror@127.0.0.1:$port/@auth=me:PLANTED-mirror/whole-signed"
	KILN_AUTH=$WORK/auth.conf KILN_MIRROR="http://archive.invalid/debian=http://me:PLANTED-variable@127.0.0.1:1/" \
		http_proxy="http://me:PLANTED-proxy@127.0.0.1:$port" whole proxied http://far.invalid/whole-signed
	is 'the packages of a build behind a proxy that refuses are those of the cache' "$(grep -c PLANTED-proxy "$SERVER_LOG" | sed 's/[1-9].*/some/')" some
	is 'nothing of it says a password: what was printed, files of the image, cache' "$(grep -rl PLANTED secret.said proxied.said \
		out-secret out-proxied cache-whole 2>/dev/null | while read -r f; do sed 's/@auth=[^/]*//g' "$f" | grep -q PLANTED && echo "$f"; done)" ''
else
	skip 'whole builds' 'needs root'
fi

count "$attacks attacks refused, $controls controls accepted"
