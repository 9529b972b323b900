#!/usr/bin/env bash
# Makes the vectors in this folder without LayerCake: a model with files, names that sort apart, an empty file, and one signature for each curve. The format is
# OpenSSF Model Signing v1.0 (method files, sha256) in a Sigstore bundle v0.3; digests are sha256sum's, signatures openssl's.
# Signatures of openssl are not deterministic, so a second run gives other ones. Needs bash, coreutils, openssl, xxd.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")"
rm -rf model ./*.sig ./*.pem
mkdir -p model/weights/b model/.config
printf 'first\n' > model/weights/a.bin
printf 'second\n' > model/weights/a-b.bin
printf '\000\377' > model/weights/b/c.bin
printf '{}\n' > model/.config/x.json
: > model/empty

names=$(cd model && find . -type f | sed 's#^\./##' | sort)
resources=
raw=
for name in $names; do
    digest=$(sha256sum "model/$name" | cut -c1-64)
    resources+="${resources:+, }{\"name\": \"$name\", \"digest\": \"$digest\", \"algorithm\": \"sha256\"}"
    raw+=$digest
done
root=$(printf '%s' "$raw" | xxd -r -p | sha256sum | cut -c1-64)
payload="{\"_type\": \"https://in-toto.io/Statement/v1\", \"subject\": [{\"name\": \"model\", \"digest\": {\"sha256\": \"$root\"}}],
 \"predicateType\": \"https://model_signing/signature/v1.0\", \"predicate\": {\"serialization\": {\"method\": \"files\", \"hash_type\": \"sha256\",
 \"allow_symlinks\": false, \"ignore_paths\": [\".git\", \".gitattributes\", \".github\", \".gitignore\", \"model.sig\"]}, \"resources\": [$resources]}}"
type=application/vnd.in-toto+json

for curve in prime256v1:256 secp384r1:384 secp521r1:512; do
    name=${curve%%:*}
    openssl ecparam -name "$name" -genkey -noout -out "$name.private"
    openssl pkey -in "$name.private" -pubout -out "$name.pem"
    signature=$(printf 'DSSEv1 %d %s %d %s' ${#type} "$type" ${#payload} "$payload" | openssl dgst "-sha${curve##*:}" -sign "$name.private" | base64 -w0)
    rm "$name.private"
    cat > "$name.sig" <<BUNDLE
{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
 "verificationMaterial": {"publicKey": {"hint": "$(sha256sum "$name.pem" | cut -c1-64)"}, "tlogEntries": []},
 "dsseEnvelope": {"payload": "$(printf '%s' "$payload" | base64 -w0)", "payloadType": "$type", "signatures": [{"sig": "$signature", "keyid": ""}]}}
BUNDLE
done
