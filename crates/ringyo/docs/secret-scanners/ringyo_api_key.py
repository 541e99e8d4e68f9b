"""For detect-secrets 1.5: finds Ringyo API keys whose checksum is right."""

import re
import zlib

from detect_secrets.plugins.base import RegexBasedDetector

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class RingyoApiKeyDetector(RegexBasedDetector):
    """`rg_live_` or `rg_test_` and 56 base62 digits, the last six a CRC-32 of all before."""

    secret_type = "Ringyo API key"
    denylist = (re.compile(r"\b((?:rg)_(?:live|test)_[0-9A-Za-z]{56})\b"),)

    def analyze_string(self, string):
        for key in super().analyze_string(string):
            if checksum(key[:-6]) == key[-6:]:
                yield key


def checksum(text):
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return digits
