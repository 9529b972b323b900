#!/usr/bin/env bash
# Packs layercake for a Linux machine that has PyTorch with CUDA and nothing else: self-contained, without libtorch, about 30 MB. The tests that want a GPU come
# with it. Usage: build/portable.sh [ARCHIVE]. docs/gpu.md says how it is used there.
set -euo pipefail
cd "$(dirname "$0")/.."
archive=${1:-artifacts/portable/layercake-linux-x64.tar.xz}
folder=artifacts/portable/layercake
# Built in a place of its own: what other builds have restored stays as it is. Not compiled ahead of time, which would make it half as large again.
options=(-c Release -r linux-x64 --self-contained -p:TorchBackend=none -p:AheadOfTime=false -p:ArtifactsPath="$PWD/artifacts/portable/build" -v quiet --nologo -o "$folder")

rm -rf "$folder"
dotnet publish tests/LayerCake.Calibration.Tests "${options[@]}" -p:StandaloneTests=true
dotnet publish tests/LayerCake.Reconstruction.Tests "${options[@]}" -p:StandaloneTests=true
dotnet publish tests/LayerCake.Runtime.Tests "${options[@]}" -p:StandaloneTests=true
dotnet publish src/LayerCake.Cli "${options[@]}"
# For debuggers and coverage tools.
rm -rf "$folder"/{Microsoft.CodeCoverage,libmscordaccore.so,libmscordbi.so,libclrgc.so,libclrgcexp.so,libcoreclrtraceptprovider.so,createdump}
find "$folder" -name '*.xml' -delete
mkdir -p "$(dirname "$archive")"
tar --sort=name --owner=0 --group=0 --numeric-owner -C "$(dirname "$folder")" -cf - "$(basename "$folder")" | xz -6 > "$archive.part"
mv "$archive.part" "$archive"
printf '%s: %s MB, unpacked %s MB\n' "$archive" "$(($(stat -c %s "$archive") / 1000000))" "$(du -sm "$folder" | cut -f1)"
