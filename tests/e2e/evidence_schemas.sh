#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bills of materials of the default image beside what others check them with: the published schema of CycloneDX 1.6,
# and parsers of package URLs and of licence expressions, all from the npm registry. No package there carries the schema
# of SPDX 2.3; with KILN_TEST_SPDX_SCHEMA=FILE, the published one, that is taken, too. What it demands, and what no schema
# can say (references, identifiers), is written down below.
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

require_rights
require_programs jq node npm
default_image

# Kept from run to run, as the test's package cache is.
modules=${KILN_TEST_CACHE:-$TOP/out/tests}/npm-evidence
packages='ajv@8.17.1 ajv-formats@3.0.1 ajv-formats-draft2019@1.6.1 @cyclonedx/cyclonedx-library@10.3.0
	packageurl-js@2.0.1 spdx-expression-parse@5.0.0 spdx-license-ids@3.0.24'
if [ "$(cat "$modules/complete" 2>/dev/null)" != "$packages" ]; then
	rm -rf "$modules"
	mkdir -p "$modules"
	# shellcheck disable=SC2086 # a list
	timeout 120 npm install --prefix "$modules" --cache "$WORK/npm" --no-audit --no-fund --no-save --ignore-scripts \
		--omit=optional --legacy-peer-deps $packages >"$WORK/npm.log" 2>&1 </dev/null ||
		skip_all "the npm registry does not answer: $(grep -m 1 -i 'err' "$WORK/npm.log")"
	printf '%s\n' "$packages" >"$modules/complete"
fi

cat >"$WORK/check.cjs" <<'J'
const fs = require('fs'), path = require('path');
const from = name => require(require.resolve(name, { paths: [process.argv[2]] }));
const read = file => JSON.parse(fs.readFileSync(file));
const Ajv = from('ajv').default;
const library = path.join(process.argv[2], 'node_modules/@cyclonedx/cyclonedx-library/res/schema');

const report = (name, faults) => {
	console.log(`${faults.length ? 'not ok' : 'ok'} - ${name}`);
	faults.slice(0, 5).forEach(f => console.log(`# ${typeof f === 'string' ? f : JSON.stringify(f)}`));
};
const validator = others => {
	const ajv = new Ajv({ strict: false, allErrors: true });
	from('ajv-formats').default(ajv);
	from('ajv-formats-draft2019')(ajv);
	others.forEach(name => ajv.addSchema(read(path.join(library, name)), `http://cyclonedx.org/schema/${name}`));
	return ajv;
};
const bySchema = (name, ajv, schema, document) => {
	const check = ajv.compile(read(schema));
	check(document);
	report(name, check.errors || []);
	return check;
};

const [cdx, spdx, provenance] = process.argv.slice(3, 6).map(read);
const check = bySchema('CycloneDX: valid by its schema', validator(['spdx.SNAPSHOT.schema.json', 'jsf-0.82.SNAPSHOT.schema.json',
	'cryptography-defs.SNAPSHOT.schema.json']), path.join(library, 'bom-1.6.SNAPSHOT.schema.json'), cdx);
report('and the schema would refuse another one', check({ ...cdx, serialNumber: 'x' }) ? ['it did not'] : []);
if (process.env.KILN_TEST_SPDX_SCHEMA)
	bySchema('SPDX: valid by its schema', validator([]), process.env.KILN_TEST_SPDX_SCHEMA, spdx);

// What SPDX 2.3 demands of what is in here.
const faults = [];
const demand = (what, ok) => ok || faults.push(what);
const party = /^(Person|Organization): .+( \(.*\))?$/;
const id = /^SPDXRef-[A-Za-z0-9.-]+$/;
demand('head', spdx.spdxVersion === 'SPDX-2.3' && spdx.dataLicense === 'CC0-1.0' && spdx.SPDXID === 'SPDXRef-DOCUMENT');
demand('name', typeof spdx.name === 'string' && spdx.name.length);
demand('namespace', /^https:\/\/[^#]+$/.test(spdx.documentNamespace));
demand('created', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(spdx.creationInfo.created));
demand('creators', spdx.creationInfo.creators.every(c => /^Tool: \S+-\S+$/.test(c)));
const known = new Set(['name', 'SPDXID', 'versionInfo', 'packageFileName', 'supplier', 'downloadLocation', 'filesAnalyzed',
	'checksums', 'homepage', 'sourceInfo', 'licenseConcluded', 'licenseDeclared', 'licenseComments', 'copyrightText', 'summary',
	'comment', 'externalRefs', 'primaryPackagePurpose']);
for (const p of spdx.packages) {
	demand(`${p.name}: a field that is none`, Object.keys(p).every(k => known.has(k)));
	demand(`${p.name}: SPDXID`, id.test(p.SPDXID));
	demand(`${p.name}: mandatory fields`, p.name && p.downloadLocation && p.filesAnalyzed === false);
	demand(`${p.name}: supplier`, p.supplier === undefined || party.test(p.supplier));
	demand(`${p.name}: homepage`, p.homepage === undefined || new URL(p.homepage));
	demand(`${p.name}: checksum`, (p.checksums || []).every(c => c.algorithm === 'SHA256' && /^[0-9a-f]{64}$/.test(c.checksumValue)));
	demand(`${p.name}: purpose`, [undefined, 'CONTAINER', 'ARCHIVE'].includes(p.primaryPackagePurpose));
}
report('SPDX: what the format demands', faults);
const ids = new Set(spdx.packages.map(p => p.SPDXID));
report('SPDX: each id once', ids.size === spdx.packages.length ? [] : ['some twice']);
ids.add('SPDXRef-DOCUMENT');
report('SPDX: every relationship is between what is there',
	spdx.relationships.filter(r => !ids.has(r.spdxElementId) || !ids.has(r.relatedSpdxElement)));
const contained = spdx.relationships.filter(r => r.relationshipType === 'CONTAINS').length;
report('SPDX: the image contains every package', contained === spdx.packages.filter(p => p.externalRefs).length ? [] : [contained]);

// Licences.
const parse = from('spdx-expression-parse');
const declared = spdx.packages.map(p => p.licenseDeclared).filter(l => l !== 'NOASSERTION');
report('licences: every expression parses', declared.filter(l => { try { parse(l); return false; } catch { return true; } }));
const current = new Set(from('spdx-license-ids'));
const names = declared.flatMap(l => l.split(/[ ()]+/)).filter(w => w && !/^(AND|OR|WITH|LicenseRef-.*)$/.test(w));
const exceptions = new Set(declared.flatMap(l => [...l.matchAll(/WITH (\S+?)\)?(?= |$)/g)].map(m => m[1])));
report('licences: every id is a current one', [...new Set(names)].filter(n => !current.has(n) && !exceptions.has(n)));
const texts = new Set((spdx.hasExtractedLicensingInfos || []).map(l => l.licenseId));
const refs = new Set(declared.flatMap(l => l.match(/LicenseRef-[A-Za-z0-9.-]+/g) || []));
report('licences: each LicenseRef has its text, and no other', [...refs].filter(r => !texts.has(r)).concat([...texts].filter(t => !refs.has(t))));
report('licences: known for most packages', declared.length > 0.8 * contained ? [] : [`${declared.length} of ${contained}`]);
console.log(`# count: ${contained} packages, the licences of ${declared.length}, ${refs.size} licences that SPDX does not have`);

// Package URLs.
const { PackageURL } = from('packageurl-js');
const odd = ({ name, version, purl }, arch) => {
	const u = PackageURL.fromString(purl);
	return u.type !== 'deb' || u.namespace !== 'debian' || u.name !== name || u.version !== version ||
		u.qualifiers.distro !== 'bookworm' || !arch.test(u.qualifiers.arch);
};
report('purl: every one parses to what it was made of', cdx.components.filter(c => odd(c, /^(amd64|arm64|all)$/)));
report('purl: and so does that of its source', cdx.components.filter(c => odd(c.pedigree.ancestors[0], /^source$/)));
report('purl: SPDX has the same', spdx.packages.flatMap(p => p.externalRefs || []).map(r => r.referenceLocator).join() ===
	cdx.components.map(c => c.purl).join() ? [] : ['they differ']);

// in-toto Statement v1, SLSA provenance v1: what their specifications demand.
const statement = [];
const must = (what, ok) => ok || statement.push(what);
const uri = text => /^[a-z][a-z0-9+.-]*:\S+$/i.test(text);
const { buildDefinition: build, runDetails: run } = provenance.predicate;
const described = r => ['uri', 'digest', 'content'].some(k => k in r) && (!r.digest || /^[0-9a-f]{64}$/.test(r.digest.sha256)) && (!r.uri || uri(r.uri));
must('_type', provenance._type === 'https://in-toto.io/Statement/v1');
must('predicateType', provenance.predicateType === 'https://slsa.dev/provenance/v1');
must('subjects', provenance.subject.length && provenance.subject.every(s => s.name && described(s)));
must('subjects, each name once', new Set(provenance.subject.map(s => s.name)).size === provenance.subject.length);
must('buildType', uri(build.buildType));
must('externalParameters', typeof build.externalParameters === 'object' && typeof build.internalParameters === 'object');
must('resolvedDependencies', build.resolvedDependencies.every(described));
must('builder', uri(run.builder.id) && Object.values(run.builder.version).every(v => typeof v === 'string'));
must('metadata', uri(run.metadata.invocationId) && !('startedOn' in run.metadata));
must('byproducts', run.byproducts.every(described));
report('provenance: what in-toto and SLSA demand', statement);
J
name=$(jq -r .name "$IMAGE/image.json")
(cd "$WORK" && node check.cjs "$modules" "$IMAGE/$name".{cdx,spdx,provenance}.json) || not_ok 'the checks run to their end'
is 'the manifest has what dpkg says is installed' "$(wc -l <"$IMAGE/$name.manifest")" "$(jq '.packages | length' "$IMAGE/image.json")"
