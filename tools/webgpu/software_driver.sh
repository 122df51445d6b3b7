#!/usr/bin/env bash
# A Vulkan driver without a GPU: SwiftShader and the Vulkan loader, out of Debian's Chromium, into the user's cache (6 MB).
#
#     tools/webgpu/software_driver.sh npm start -- doctor    runs a command with the driver
#     eval "$(tools/webgpu/software_driver.sh)"               sets the variables that find it, in this shell
#
# A machine whose GPU has a Vulkan driver keeps it, and so does one whose variables name a driver; RESD_SOFTWARE_GPU=1 takes
# the software in any case. Where no driver can be had the command runs without one, and its tests of WebGPU are skipped.
set -uo pipefail

folder=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/resd/swiftshader
files=(libvk_swiftshader.so vk_swiftshader_icd.json libvulkan.so.1)
limit=${RESD_DRIVER_SECONDS:-150} # for all downloads together

complete() {
  local file
  for file in "${files[@]}"; do [ -s "$folder/$file" ] || return 1; done
}

has_gpu() {
  compgen -G "/dev/dri/renderD*" >/dev/null || [ -e /dev/nvidia0 ] || return 1
  compgen -G "/usr/share/vulkan/icd.d/*.json" >/dev/null || compgen -G "/etc/vulkan/icd.d/*.json" >/dev/null
}

# Downloads the package that has the files, and nothing that it depends on. Lists are renewed once if they are missing or old.
download() {
  local deadline=$((SECONDS + limit)) package
  left() { echo $((deadline > SECONDS ? deadline - SECONDS : 1)); }
  for round in known renewed; do
    if [ "$round" = renewed ]; then timeout "$(left)" apt-get update >&2 || return 1; fi
    for package in chromium-common chromium; do
      timeout "$(left)" apt-get -o APT::Sandbox::User=root download "$package" >&2 || continue
      dpkg-deb --fsys-tarfile "$package"_*.deb |
        tar -x --strip-components=4 --wildcards "${files[@]/#/./usr/lib/chromium/}" 2>/dev/null
      [ -s libvk_swiftshader.so ] && return 0
    done
  done
  return 1
}

# All of it or nothing: another process may look at the same time.
install() {
  local work
  mkdir -p "${folder%/*}" && work=$(mktemp -d "${folder%/*}/new.XXXXXX") || return 1
  if (cd "$work" && download) && [ -s "$work/libvulkan.so.1" ]; then
    rm -f "$work"/*.deb && chmod 755 "$work" && { mv -T "$work" "$folder" 2>/dev/null || complete; }
  fi
  local status=$?
  rm -rf "$work"
  return "$status"
}

found=true
if [ "${RESD_SOFTWARE_GPU:-}" != 1 ] && { [ -n "${VK_ICD_FILENAMES:-}${VK_DRIVER_FILES:-}" ] || has_gpu; }; then
  found=false # it has one
elif ! complete; then
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    reason="this needs Debian's apt-get"
    found=false
  elif ! install || ! complete; then
    reason="Debian's package chromium-common could not be had within $limit s, or has no SwiftShader"
    found=false
  fi
  if [ "$found" = false ]; then
    echo "NO SOFTWARE GPU: $reason. Tests of WebGPU will be SKIPPED. Elsewhere: install libvulkan1 and Mesa 25 or newer (mesa-vulkan-drivers)." >&2
  fi
fi

if [ "$found" = true ]; then
  export VK_ICD_FILENAMES=$folder/vk_swiftshader_icd.json
  export LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp}
fi
[ $# -eq 0 ] || exec "$@"
[ "$found" = false ] || printf 'export %s=%q\n' \
  VK_ICD_FILENAMES "$VK_ICD_FILENAMES" LD_LIBRARY_PATH "$LD_LIBRARY_PATH" XDG_RUNTIME_DIR "$XDG_RUNTIME_DIR"
