# Written by LayerCake. SPDX-License-Identifier: Apache-2.0
"""The workspace's tokenizer, for the pre- and postprocessing models.

A plain SentencePiece model is used directly; a folder with a Hugging Face
tokenizer (tokenizer_config.json, or anything but tokenizer.model) is loaded
through transformers, with the code that came with the model.
"""
import json
import os


class SentencePieceTokenizer:
    """tokenizer.model through the sentencepiece package."""

    def __init__(self, model_file):
        from sentencepiece import SentencePieceProcessor
        self.model = SentencePieceProcessor(model_file=model_file)

    @property
    def vocab_size(self):
        return self.model.vocab_size()

    @property
    def bos_token_id(self):
        return self.model.bos_id()

    @property
    def eos_token_id(self):
        return self.model.eos_id()

    def encode(self, text, add_bos=True):
        return self.model.Encode(text, add_bos=add_bos)

    def decode(self, ids, offset=None):
        ids = ids[offset or 0:]
        text = self.model.Decode(ids)
        if offset and ids and _opens_word(self.model.IdToPiece(ids[0])):
            text = _with_leading_space(text)
        return text


class HuggingFaceTokenizer:
    """Whatever transformers finds in the folder."""

    def __init__(self, folder):
        from transformers import AutoTokenizer
        self.model = AutoTokenizer.from_pretrained(folder,
                                                   trust_remote_code=True)
        self._eos_token_id = self.model.eos_token_id
        if self._eos_token_id is None:
            self._eos_token_id = self._eos_from(folder)

    def _eos_from(self, folder):
        path = os.path.join(folder, 'generation_config.json')
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                eos = json.load(file).get('eos_token_id')
            if isinstance(eos, list):
                eos = eos[0] if eos else None
            if eos is not None:
                return eos
        return getattr(self.model, 'eod_id', None)

    @property
    def vocab_size(self):
        return self.model.vocab_size

    @property
    def bos_token_id(self):
        return self.model.bos_token_id

    @property
    def eos_token_id(self):
        return self._eos_token_id

    def encode(self, text, add_bos=True):
        ids = self.model.encode(text)
        if not add_bos and ids and ids[0] == self.bos_token_id:
            ids = ids[1:]
        return ids

    def decode(self, ids, offset=None):
        ids = ids[offset or 0:]
        text = self.model.decode(ids, skip_special_tokens=True)
        if offset and ids and _opens_word(
                self.model.convert_ids_to_tokens(ids[:1])[0]):
            text = _with_leading_space(text)
        return text


class Tokenizer:
    """The tokenizer in the folder of model_file."""

    def __init__(self, model_file):
        folder, name = os.path.split(model_file)
        is_plain = (name == 'tokenizer.model' and os.path.exists(model_file)
                    and not os.path.exists(
                        os.path.join(folder, 'tokenizer_config.json')))
        self.model = (SentencePieceTokenizer(model_file)
                      if is_plain else HuggingFaceTokenizer(folder))

    @property
    def vocab_size(self):
        return self.model.vocab_size

    @property
    def bos_token_id(self):
        """The id that begins a sequence."""
        return self.model.bos_token_id

    @property
    def eos_token_id(self):
        """The id that ends a sequence."""
        return self.model.eos_token_id

    def encode(self, text, add_bos=True):
        """Ids of the text, after the begin id unless add_bos is False."""
        return self.model.encode(text, add_bos=add_bos)

    def decode(self, ids, offset=None):
        """Text of ids[offset:]. If that goes on after earlier text, a word's
        leading space is kept, which decoding alone would strip."""
        return self.model.decode(list(ids), offset)


def _opens_word(piece):
    if isinstance(piece, bytes):
        return piece.startswith(b' ')
    return isinstance(piece, str) and piece.startswith('\u2581')


def _with_leading_space(text):
    return text if text.startswith(' ') else ' ' + text
