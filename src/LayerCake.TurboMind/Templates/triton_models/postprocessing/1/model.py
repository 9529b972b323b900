# Written by LayerCake. SPDX-License-Identifier: Apache-2.0
"""Triton python backend: token ids to text."""
import importlib.util
import json
import pathlib

import numpy as np
import triton_python_backend_utils as pb_utils

HERE = pathlib.Path(__file__).resolve().parent


def load_tokenizer(model_config):
    """The tokenizer in the folder that the parameter tokenizer_path points into."""
    path = HERE / model_config['parameters']['tokenizer_path']['string_value']
    spec = importlib.util.spec_from_file_location(
        'workspace_tokenizer', path.parent / 'tokenizer.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Tokenizer(str(path))


class TritonPythonModel:
    """Every row of ids in TOKENS_BATCH becomes a string of OUTPUT. The number
    in sequence_length says how many ids at the row's start are left out: the
    ones whose text the client already has."""

    def initialize(self, args):
        model_config = json.loads(args['model_config'])
        output = pb_utils.get_output_config_by_name(model_config, 'OUTPUT')
        self.output_type = pb_utils.triton_string_to_numpy(
            output['data_type'])
        self.tokenizer = load_tokenizer(model_config)

    def execute(self, requests):
        responses = []
        for request in requests:
            tokens = pb_utils.get_input_tensor_by_name(
                request, 'TOKENS_BATCH').as_numpy()
            offsets = pb_utils.get_input_tensor_by_name(
                request, 'sequence_length').as_numpy()
            texts = self.decode(tokens, offsets)
            responses.append(
                pb_utils.InferenceResponse(output_tensors=[
                    pb_utils.Tensor('OUTPUT',
                                    np.array(texts, dtype=self.output_type)),
                ]))
        return responses

    def decode(self, tokens, offsets):
        rows = tokens.reshape(-1, tokens.shape[-1])
        # One offset may stand for all rows.
        offsets = np.broadcast_to(offsets.reshape(-1), len(rows))
        return [
            self.tokenizer.decode(row.tolist(), int(offset)).encode('utf-8')
            for row, offset in zip(rows, offsets)
        ]

    def finalize(self):
        self.tokenizer = None
