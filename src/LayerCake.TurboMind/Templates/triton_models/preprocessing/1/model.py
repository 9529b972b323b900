# Written by LayerCake. SPDX-License-Identifier: Apache-2.0
"""Triton python backend: prompts to token ids."""
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
    """QUERY, one string per row, becomes INPUT_ID (rows padded with the end
    id to the longest) and REQUEST_INPUT_LEN (each row's own length)."""

    def initialize(self, args):
        model_config = json.loads(args['model_config'])
        self.id_type, self.length_type = (
            pb_utils.triton_string_to_numpy(
                pb_utils.get_output_config_by_name(model_config,
                                                   name)['data_type'])
            for name in ('INPUT_ID', 'REQUEST_INPUT_LEN'))
        self.tokenizer = load_tokenizer(model_config)

    def execute(self, requests):
        responses = []
        for request in requests:
            query = pb_utils.get_input_tensor_by_name(request, 'QUERY')
            try:
                ids, lengths = self.encode(query.as_numpy())
            except UnicodeDecodeError as error:
                responses.append(
                    pb_utils.InferenceResponse(
                        error=pb_utils.TritonError(
                            f'QUERY is not UTF-8: {error}')))
                continue
            responses.append(
                pb_utils.InferenceResponse(output_tensors=[
                    pb_utils.Tensor('INPUT_ID', ids),
                    pb_utils.Tensor('REQUEST_INPUT_LEN', lengths),
                ]))
        return responses

    def encode(self, query):
        rows = [self.encode_text(text.decode('utf-8'))
                for text in query.reshape(-1)]
        longest = max((len(row) for row in rows), default=0)
        ids = np.full((len(rows), longest),
                      self.tokenizer.eos_token_id,
                      dtype=self.id_type)
        for target, row in zip(ids, rows):
            target[:len(row)] = row
        lengths = np.array([[len(row)] for row in rows],
                           dtype=self.length_type)
        return ids, lengths

    def encode_text(self, text):
        # Clients ask for the two ids by these literal texts.
        if text == '<BOS>':
            return [self.tokenizer.bos_token_id]
        if text == '<EOS>':
            return [self.tokenizer.eos_token_id]
        return self.tokenizer.encode(text)

    def finalize(self):
        self.tokenizer = None
