#!/bin/sh
# Builds the binaries of a release.
set -eu

version="$1"
for target in linux/amd64 linux/arm64 darwin/arm64; do
    GOOS="${target%/*}" GOARCH="${target#*/}" CGO_ENABLED=0 \
        go build -trimpath -o "dist/maskline-$version-$(echo "$target" | tr / -)" .
done
