/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, mirror rules, armour, and what gpgv says: the parts of fetch/ that need no network. */
#include "unit/unit.h"

#include "unit/server.h"

#include "fetch/fetch.h"
#include "fetch/mirror.h"
#include "fetch/openpgp.h"
#include "fetch/servers.h"
#include "fetch/url.h"
#include "fetch/verify.h"

static void addresses(void **state)
{
	static const char *const bad[] = { "",
					   "debian",
					   "ftp://h/d",
					   "http://",
					   "http:///d",
					   "http://h/a b",
					   "http://h/\n",
					   "file://other/d",
					   "file://",
					   "http://u:p@/d",
					   "://h/",
					   "http//h/",
					   "http://:80/",
					   "file://u@/d" };
	static const char *const same[][2] = {
		{ "HTTP://Ftp.Debian.ORG/Debian", "http://ftp.debian.org/Debian" },
		{ "http://h:80/d", "http://h/d" },
		{ "https://h:443/d", "https://h/d" },
		{ "https://h:80/d", "https://h:80/d" },
		{ "http://[::1]:8080/d", "http://[::1]:8080/d" },
		{ "http://[::1]/d", "http://[::1]/d" },
		{ "http://u:p@H/d", "http://u:p@h/d" },
		{ "http://h?x=http://y/", "http://h?x=http://y/" },
		{ "file:///srv/d", "file:///srv/d" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (url_canonical(bad[i]))
			fail_msg("'%s' passes", bad[i]);
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		auto_free char *canonical = url_canonical(same[i][0]);

		assert_non_null(canonical);
		assert_string_equal(canonical, same[i][1]);
	}
}

static void folders_and_credentials(void **state)
{
	auto_free char *folder = url_canonical_folder("http://h/d//");
	auto_free char *top = url_canonical_folder("file:///");
	auto_free char *hidden = url_without_credentials("http://me:p@ss@host:81/d?x=1");
	auto_free char *plain = url_without_credentials("http://host/d@x");
	auto_free char *unknown = url_without_credentials("ftp://me:p@ss@host/d");
	auto_free char *none = url_without_credentials("me:pass@host/d");
	auto_free char *joined = fetch_join("http://h/d", "pool/a_1%3a2+b~c.deb");

	(void)state;
	assert_string_equal(folder, "http://h/d/");
	assert_string_equal(top, "file:///");
	assert_string_equal(hidden, "http://host:81/d?x=1");
	assert_string_equal(plain, "http://host/d@x");
	assert_string_equal(unknown, "ftp://host/d");
	assert_string_equal(none, "host/d");
	assert_string_equal(joined, "http://h/d/pool/a_1%253a2%2bb~c.deb");
}

static void assert_rewrites(const struct mirrors *mirrors, const char *url, const char *expected)
{
	auto_free char *rewritten = mirrors_rewrite(mirrors, url);

	assert_string_equal(rewritten, expected);
}

static void rules(void **state)
{
	auto_mirrors struct mirrors mirrors = MIRRORS_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	assert_int_equal(mirrors_add(&mirrors, "http://Ftp.debian.org/debian", "http://m/x", &e), 0);
	assert_int_equal(mirrors_add(&mirrors, "http://ftp.debian.org/", "file:///srv", &e), 0);
	assert_rewrites(&mirrors, "http://ftp.debian.org/debian/dists/sid", "http://m/x/dists/sid");
	assert_rewrites(&mirrors, "HTTP://FTP.debian.org:80/debian/Q", "http://m/x/Q");
	assert_rewrites(&mirrors, "http://ftp.debian.org/debian", "http://m/x/");
	assert_rewrites(&mirrors, "http://ftp.debian.org/debian-security/d", "file:///srv/debian-security/d");
	assert_rewrites(&mirrors, "https://ftp.debian.org/debian/d", "https://ftp.debian.org/debian/d");
	assert_rewrites(&mirrors, "no address", "no address");
	assert_int_equal(mirrors_add(&mirrors, "http://a/", "/srv/mirror", &e), -1);
	assert_int_equal(e.kind, ERROR_USAGE);
	assert_non_null(strstr(e.text, "'/srv/mirror' is no address"));
	assert_int_equal(mirrors.count, 2);
}

static void several_mirrors(void **state)
{
	auto_mirrors struct mirrors mirrors = MIRRORS_INIT;
	struct error e = ERROR_INIT;
	char *urls[2] = { NULL };

	(void)state;
	assert_int_equal(mirrors_add(&mirrors, "http://a/d", "http://one/d", &e), 0);
	assert_int_equal(mirrors_add(&mirrors, "http://b/d", "http://other/d", &e), 0);
	assert_int_equal(mirrors_add(&mirrors, "http://a/d/", "http://one/d/", &e), 0); /* once more */
	assert_int_equal(mirrors_add(&mirrors, "http://a", "http://two", &e), 0);
	assert_int_equal(mirrors_add(&mirrors, "http://a", "http://three", &e), 0);
	assert_int_equal(mirrors_rewrite_all(&mirrors, "http://a/d/x", urls, 2), 2);
	assert_string_equal(urls[0], "http://one/d/x");
	assert_string_equal(urls[1], "http://two/d/x");
	free(urls[0]);
	free(urls[1]);
	assert_int_equal(mirrors_rewrite_all(&mirrors, "http://c/d/x", urls, 2), 1);
	assert_string_equal(urls[0], "http://c/d/x");
	free(urls[0]);
}

static void given_up_servers(void **state)
{
	const char *const urls[] = { "http://a/1", "http://A:80/2", "http://a:81/", "https://a/",
				     "file:///a" };
	struct servers servers = SERVERS_INIT;

	(void)state;
	assert_int_equal(servers_next(&servers, urls, 0, 5), 0);
	assert_true(servers_add(&servers, "http://me:secret@a:80/x"));
	assert_false(servers_add(&servers, "http://a/y"));
	assert_false(servers_add(&servers, "file:///a"));
	assert_false(servers_add(&servers, "no address"));
	assert_int_equal(servers_next(&servers, urls, 0, 5), 2);
	assert_int_equal(servers_next(&servers, urls, 0, 2), 2);
	assert_true(servers_add(&servers, "http://a:81/"));
	assert_true(servers_add(&servers, "https://a/"));
	assert_int_equal(servers_next(&servers, urls, 0, 5), 4);
	servers_release(&servers);
}

static void snapshots(void **state)
{
	static const char stamp[] = "20260101T000000Z";
	static const char *const addresses[][2] = {
		{ "http://ftp.debian.org/debian",
		  "http://snapshot.debian.org/archive/debian/20260101T000000Z/" },
		{ "http://ftp.ch.debian.org/debian/",
		  "http://snapshot.debian.org/archive/debian/20260101T000000Z/" },
		{ "https://ftp.debian.org/debian",
		  "https://snapshot.debian.org/archive/debian/20260101T000000Z/" },
		{ "http://security.debian.org/",
		  "http://snapshot.debian.org/archive/debian-security/20260101T000000Z/" },
		{ "http://ftp.debian.org/debian-security/",
		  "http://snapshot.debian.org/archive/debian-security/20260101T000000Z/" },
		{ "http://ch.archive.ubuntu.com/ubuntu/",
		  "http://snapshot.ubuntu.com/ubuntu/20260101T000000Z/" },
		{ "http://security.ubuntu.com/ubuntu",
		  "http://snapshot.ubuntu.com/ubuntu/20260101T000000Z/" },
		{ "http://archive.debian.org/debian", NULL },
		{ "http://old-releases.ubuntu.com/ubuntu", NULL },
		{ "http://ports.ubuntu.com/ubuntu-ports", NULL },
		{ "http://ftp.debian.org/other", NULL },
		{ "http://example.org/debian", NULL },
		{ "http://snapshot.debian.org/archive/debian/20250101T000000Z/", NULL },
		{ "file:///debian/", NULL },
		{ "nowhere", NULL },
	};
	const char *used[] = { "http://ftp.debian.org/debian", "http://example.org/debian" };
	auto_mirrors struct mirrors mirrors = MIRRORS_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		auto_free char *snapshot = mirror_snapshot(addresses[i][0], stamp);

		if (addresses[i][1])
			assert_string_equal(snapshot, addresses[i][1]);
		else
			assert_null(snapshot);
	}
	mirrors_add_snapshots(&mirrors, stamp, used, ARRAY_LEN(used));
	assert_rewrites(&mirrors, "http://ftp.debian.org/debian/pool/x",
			"http://snapshot.debian.org/archive/debian/20260101T000000Z/pool/x");
	assert_rewrites(&mirrors, "http://example.org/debian/x", "http://example.org/debian/x");
	/* Other rules see the snapshot's address, and not the archive's own. */
	assert_int_equal(mirrors_add(&mirrors, "http://ftp.debian.org/debian", "http://wrong/", &e), 0);
	assert_int_equal(mirrors_add(&mirrors, "http://snapshot.debian.org/archive", "http://m/s", &e), 0);
	assert_rewrites(&mirrors, "http://ftp.debian.org/debian/pool/x",
			"http://m/s/debian/20260101T000000Z/pool/x");
}

/* What apt of the host says → the rule for one address, or none. */
static void assert_host_rule(const char *targets, const char *address, const char *expected)
{
	auto_mirrors struct mirrors mirrors = MIRRORS_INIT;
	auto_free char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct log log;

	log_init(&log, LOG_NORMAL, out);
	mirrors_add_targets(&mirrors, text_of(targets), &address, 1, &log);
	fclose(out);
	log_release(&log);
	if (mirrors.count != (expected != NULL))
		fail_msg("'%s': %zu rules", address, mirrors.count);
	assert_int_equal(strlen(text) > 0, expected != NULL);
	if (!expected)
		return;
	assert_string_equal(mirrors.rules[0].to, expected);
	assert_non_null(strstr(text, "(--mirror none switches that off)"));
	assert_null(strstr(text, "mirror.lan"));
}

static void host_mirrors(void **state)
{
	static const char targets[] = "http://mirror.lan/debian/\tDebian\tDebian\n"
				      "http://mirror.lan/debian-security/\tDebian\tDebian-Security\n"
				      "https://pkg.example.org/debian/\tPkg\tPkg\n"
				      "http://mirror.lan/backports/\tDebian\tDebian Backports\n";
	static const char ubuntu[] = "http://mirror.lan/ubuntu/\tUbuntu\tUbuntu\n";

	(void)state;
	assert_host_rule(targets, "http://ftp.debian.org/debian", "http://mirror.lan/debian/");
	assert_host_rule(targets, "https://ftp.debian.org/debian/", "http://mirror.lan/debian/");
	assert_host_rule(targets, "http://ftp.uk.debian.org/debian", "http://mirror.lan/debian/");
	assert_host_rule(targets, "http://security.debian.org/debian-security",
			 "http://mirror.lan/debian-security/");
	assert_host_rule(targets, "http://security.debian.org/", "http://mirror.lan/debian-security/");
	assert_host_rule(targets, "http://ftp.debian.org/debian-security",
			 "http://mirror.lan/debian-security/");
	assert_host_rule(targets, "http://archive.debian.org/debian", NULL);
	assert_host_rule(targets, "http://snapshot.debian.org/archive/debian/20260101T000000Z/", NULL);
	assert_host_rule(targets, "http://debian.org.example.com/debian", NULL);
	assert_host_rule(targets, "http://evildebian.org/debian", NULL);
	assert_host_rule(targets, "http://mirror.lan/debian/", NULL);
	assert_host_rule(targets, "http://archive.ubuntu.com/ubuntu", NULL);
	assert_host_rule(ubuntu, "http://de.archive.ubuntu.com/ubuntu/", "http://mirror.lan/ubuntu/");
	assert_host_rule(ubuntu, "http://security.ubuntu.com/ubuntu", "http://mirror.lan/ubuntu/");
	assert_host_rule(ubuntu, "http://ports.ubuntu.com/ubuntu-ports", NULL);
	assert_host_rule(ubuntu, "http://old-releases.ubuntu.com/ubuntu", NULL);
	assert_host_rule("http://ftp.debian.org/debian/\tDebian\tDebian\n", "http://FTP.debian.org:80/debian",
			 NULL);
	assert_host_rule("mirror+file:/etc/m\tDebian\tDebian\n", "http://ftp.debian.org/debian", NULL);
	assert_host_rule("\n\t\t\nhttp://x/debian/\n", "http://ftp.debian.org/debian", NULL);
}

static void own_rules_come_first(void **state)
{
	static const char *const addresses_[] = { "http://ftp.debian.org/debian" };
	auto_mirrors struct mirrors mirrors = MIRRORS_INIT;
	struct error e = ERROR_INIT;
	struct log log;

	(void)state;
	log_init(&log, LOG_QUIET, stderr);
	assert_int_equal(mirrors_add(&mirrors, addresses_[0], "http://mine/debian", &e), 0);
	mirrors_add_targets(&mirrors, TEXT("http://mirror.lan/debian/\tDebian\tDebian\n"), addresses_, 1,
			    &log);
	assert_int_equal(mirrors.count, 1);
	log_release(&log);
}

/* 0xc6 0x03 "abc", which looks like a public key as far as anyone looks here. */
#define BLOCK(body) "-----BEGIN PGP PUBLIC KEY BLOCK-----\n" body "-----END PGP PUBLIC KEY BLOCK-----\n"

static int dearmor(const char *text, struct buffer *out, struct error *e)
{
	*e = ERROR_INIT;
	buffer_reset(out);
	return openpgp_add_keys(text_of(text), out, e);
}

static void armour(void **state)
{
	static const char *const good[] = {
		BLOCK("\nxgNhYmM=\n=T90f\n"),
		BLOCK("Version: x\nComment: y\n\nxgNh\nYmM=\n=T90f\n"),
		BLOCK("\nxgNhYmM=\n"),
		BLOCK("xgNhYmM=\n"),
		"words before\n" BLOCK("\nxgNhYmM=\n=T90f\n") "words after\n",
		("  -----BEGIN PGP PUBLIC KEY BLOCK-----\r\n\r\n  xgNhYmM=\r\n  =T90f\r\n"
		 "  -----END PGP PUBLIC KEY BLOCK-----\r\n"),
	};
	auto_buffer struct buffer out = BUFFER_INIT;
	struct error e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		if (dearmor(good[i], &out, &e) < 0)
			fail_msg("%zu: %s", i, e.text);
		assert_int_equal(out.len, 5);
		assert_memory_equal(out.data,
				    "\xc6\x03"
				    "abc",
				    5);
	}
	assert_int_equal(dearmor(BLOCK("\nxgNhYmM=\n") BLOCK("\nxgNhYmM=\n"), &out, &e), 0);
	assert_int_equal(out.len, 10);
	buffer_reset(&out);
	assert_int_equal(openpgp_add_keys(TEXT("\x99\x00\x00\xff"), &out, &e), 0);
	assert_int_equal(out.len, 4);
}

static void bad_armour(void **state)
{
	static const char *const bad[][2] = {
		{ BLOCK("\nxgNhYmM=\n=T90g\n"), "checksum" },
		{ BLOCK("\nxgNhYmM\n"), "cut short" },
		{ BLOCK("\nxgNhY\n=T90f\n"), "checksum" },
		{ BLOCK("\nxgNh*mM=\n"), "no base64" },
		{ BLOCK("\nxgNhYmM=\nxgNh\n"), "no base64" },
		{ BLOCK("\nxgNhYmM=\n=T90f\nxgNh\n"), "no base64" },
		{ BLOCK("\n"), "cut short" },
		{ BLOCK("\n=====\n"), "checksum" },
		{ "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxgNhYmM=\n", "lacks its line" },
		{ "-----BEGIN PGP PUBLIC KEY BLOCK-----", "lacks its line" },
		{ "-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "private" },
		{ "", "no OpenPGP public key" },
		{ "hello", "no OpenPGP public key" },
		{ "\x95\x01", "no OpenPGP public key" },
		{ "12345678KBXf12345", "keybox" },
	};
	auto_buffer struct buffer out = BUFFER_INIT;
	struct error e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(dearmor(bad[i][0], &out, &e), -1);
		assert_int_equal(e.kind, ERROR_TRUST);
		if (!strstr(e.text, bad[i][1]))
			fail_msg("%zu: %s", i, e.text);
	}
}

#define MESSAGE   "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\ntext\n"
#define SIGNATURE "-----BEGIN PGP SIGNATURE-----\n\niAA=\n-----END PGP SIGNATURE-----\n"

static void clear_signed(void **state)
{
	(void)state;
	assert_true(openpgp_is_clearsigned(TEXT(MESSAGE SIGNATURE)));
	assert_true(openpgp_is_clearsigned(TEXT(MESSAGE SIGNATURE "\n \n")));
	assert_false(openpgp_is_clearsigned(TEXT("")));
	assert_false(openpgp_is_clearsigned(TEXT("Origin: x\n")));
	assert_false(openpgp_is_clearsigned(TEXT("Origin: x\n" MESSAGE SIGNATURE)));
	assert_false(openpgp_is_clearsigned(TEXT("\n" MESSAGE SIGNATURE)));
	assert_false(openpgp_is_clearsigned(TEXT(MESSAGE SIGNATURE "Origin: x\n")));
	assert_false(openpgp_is_clearsigned(TEXT(MESSAGE SIGNATURE MESSAGE SIGNATURE)));
	assert_false(openpgp_is_clearsigned(TEXT(MESSAGE MESSAGE SIGNATURE)));
	assert_false(openpgp_is_clearsigned(TEXT(MESSAGE)));
	assert_false(openpgp_is_clearsigned(TEXT(SIGNATURE)));
}

#define FINGERPRINT "4CB50190207B4758A3F73A796ED0E7B82643E131"
#define VALID(hash) \
	"[GNUPG:] VALIDSIG " FINGERPRINT " 2026-07-11 1783765031 0 4 0 1 " hash " 01 " FINGERPRINT "\n"
#define GOOD "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 6ED0E7B82643E131 Somebody\n"
#define MISSING \
	"[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG 1234567890ABCDEF 1 8 01 1783765031 9 -\n[GNUPG:] NO_PUBKEY " \
	"1234567890ABCDEF\n"

static void verdicts(void **state)
{
	static const char *const cases[][2] = {
		{ GOOD VALID("8"), NULL },
		{ GOOD VALID("10"), NULL },
		{ MISSING GOOD VALID("8"), NULL },
		{ GOOD VALID("8") MISSING, NULL },
		{ GOOD VALID("2"), "SHA-1" },
		{ GOOD VALID("3"), "SHA-1" },
		{ GOOD VALID("1"), "SHA-1" },
		{ GOOD VALID("x"), "SHA-1" },
		{ "", "no valid signature" },
		{ GOOD, "no valid signature" },
		{ VALID("8"), "no valid signature" },
		{ "GOODSIG x\n" VALID("8"), "no valid signature" },
		{ "[GNUPG:] NODATA 1\n", "is not signed" },
		{ MISSING, "keys that the recipe does not have: 0x1234567890ABCDEF" },
		{ "[GNUPG:] NEWSIG\n[GNUPG:] EXPKEYSIG 6ED0E7B82643E131 S\n" VALID("8"), "expired" },
		{ "[GNUPG:] NEWSIG\n[GNUPG:] EXPSIG 6ED0E7B82643E131 S\n" VALID("8"), "expired" },
		{ "[GNUPG:] NEWSIG\n[GNUPG:] REVKEYSIG 6ED0E7B82643E131 S\n" VALID("8"), "revoked" },
		{ GOOD "[GNUPG:] NEWSIG\n[GNUPG:] EXPKEYSIG 6ED0E7B82643E131 S\n" VALID("8"), "expired" },
		{ GOOD VALID("8") "[GNUPG:] NEWSIG\n[GNUPG:] BADSIG 6ED0E7B82643E131 S\n", "bad signature" },
		{ "[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG 6ED0E7B82643E131 99 8 01 1 4 -\n", "gpgv cannot check" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct error e = ERROR_INIT;
		int result = verify_judge(text_of(cases[i][0]), false, &e);

		if (result != (cases[i][1] ? -1 : 0) || (cases[i][1] && !strstr(e.text, cases[i][1])))
			fail_msg("%zu: %d %s", i, result, e.text);
	}
}

/* What a recipe says of its archive changes what counts, not what is good. */
static void sha1_by_name(void **state)
{
	static const struct {
		const char *status;
		const char *error; /* NULL: it counts */
	} cases[] = {
		{ GOOD VALID("2"), NULL },
		{ GOOD VALID("8"), NULL },
		{ MISSING GOOD VALID("2"), NULL },
		{ GOOD VALID("1"), "a digest that no longer counts" },
		{ GOOD VALID("3"), "a digest that no longer counts" },
		{ VALID("2"), "no valid signature" },
		{ "[GNUPG:] NEWSIG\n[GNUPG:] EXPKEYSIG 6ED0E7B82643E131 S\n" VALID("2"), "expired" },
		{ "[GNUPG:] NEWSIG\n[GNUPG:] REVKEYSIG 6ED0E7B82643E131 S\n" VALID("2"), "revoked" },
		{ GOOD VALID("2") "[GNUPG:] NEWSIG\n[GNUPG:] BADSIG 6ED0E7B82643E131 S\n", "bad signature" },
	};
	struct error e = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int result;

		e = ERROR_INIT;
		result = verify_judge(text_of(cases[i].status), true, &e);
		if (result != (cases[i].error ? -1 : 0) ||
		    (cases[i].error && !strstr(e.text, cases[i].error)))
			fail_msg("%zu: %d %s", i, result, e.text);
	}
	e = ERROR_INIT;
	assert_int_equal(verify_judge(text_of(GOOD VALID("2")), false, &e), -1);
	assert_non_null(strstr(e.text, "'source.accept_sha1: true'"));
}

static void no_gpgv(void **state)
{
	auto_buffer struct buffer text = BUFFER_INIT;
	auto_free char *path = xstrdup(getenv("PATH"));
	struct error e = ERROR_INIT;
	int result;

	(void)state;
	setenv("PATH", "/nonexistent", 1);
	result = verify_clearsigned(TEXT("\x99"), TEXT(MESSAGE SIGNATURE), false, &text, &e);
	setenv("PATH", path, 1);
	assert_int_equal(result, -1);
	assert_int_equal(e.kind, ERROR_SYSTEM);
	assert_string_equal(e.text,
			    "'gpgv' is missing (signatures of archives); as root: apt-get install gpgv");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),       cmocka_unit_test(folders_and_credentials),
		cmocka_unit_test(rules),           cmocka_unit_test(snapshots),
		cmocka_unit_test(several_mirrors), cmocka_unit_test(given_up_servers),
		cmocka_unit_test(host_mirrors),    cmocka_unit_test(own_rules_come_first),
		cmocka_unit_test(armour),          cmocka_unit_test(bad_armour),
		cmocka_unit_test(clear_signed),    cmocka_unit_test(verdicts),
		cmocka_unit_test(sha1_by_name),    cmocka_unit_test(no_gpgv),
	};

	return cmocka_run_group_tests_name("fetch parts", tests, NULL, NULL);
}
