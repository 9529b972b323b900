#!/bin/sh
# Serves this workspace with Triton Inference Server in a container: gRPC on port 33337.
# Written by LayerCake. SPDX-License-Identifier: Apache-2.0
#
#   service_docker_up.sh [MODEL_REPOSITORY_PARENT]
#
# The argument is the workspace; by default the folder of this script.
# Environment: IMAGE, CONTAINER_NAME, GRPC_PORT.
set -eu

# Tensor parallel degree the weights were split for: as many GPUs are used.
TP=1

workspace=$(cd "${1:-$(dirname "$0")}" && pwd)
image=${IMAGE:-openmmlab/lmdeploy:latest}
name=${CONTAINER_NAME:-lmdeploy}
port=${GRPC_PORT:-33337}

if [ ! -d "$workspace/model_repository" ]; then
    echo "$workspace holds no model_repository: not a workspace" >&2
    exit 1
fi

devices=0
device=1
while [ "$device" -lt "$TP" ]; do
    devices="$devices,$device"
    device=$((device + 1))
done

terminal=
if [ -t 0 ] && [ -t 1 ]; then
    terminal=-it
fi

# shellcheck disable=SC2086 # $terminal is one option or none
exec docker run --rm $terminal \
    --name "$name" \
    --gpus "\"device=$devices\"" \
    --shm-size 16g \
    --cap-add=SYS_PTRACE \
    --security-opt seccomp=unconfined \
    --env NCCL_LAUNCH_MODE=GROUP \
    --publish "$port:33337" \
    --volume "$workspace:/workspace/models" \
    "$image" \
    tritonserver \
    --model-repository=/workspace/models/model_repository \
    --allow-http=0 \
    --allow-grpc=1 \
    --grpc-port=33337 \
    --allow-metrics=0 \
    --log-verbose=0
