"""The 34 provincial divisions of China and the countries of the world, as people write them. Pure.

Sources: GB/T 2260-2007 with its amendments (numbers and Chinese names); ISO 3166-2:CN as of the
newsletter of 2017-11-23 (letters), which before had the numbers of GB/T 2260, but for Hong Kong
(CN-91) and Macao (CN-92); ISO 3166-1 (countries, as of 2026). Taiwan, Hong Kong and Macao stand
in both parts of ISO 3166.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Province:
    """A provincial division: number, letters, Chinese name, what follows that, English name."""

    number: str
    letters: str
    zh: str
    zh_kind: str
    en: str


_TABLE = """
11 BJ 北京 市 Beijing
12 TJ 天津 市 Tianjin
13 HE 河北 省 Hebei
14 SX 山西 省 Shanxi
15 NM 内蒙古 自治区 Inner Mongolia
21 LN 辽宁 省 Liaoning
22 JL 吉林 省 Jilin
23 HL 黑龙江 省 Heilongjiang
31 SH 上海 市 Shanghai
32 JS 江苏 省 Jiangsu
33 ZJ 浙江 省 Zhejiang
34 AH 安徽 省 Anhui
35 FJ 福建 省 Fujian
36 JX 江西 省 Jiangxi
37 SD 山东 省 Shandong
41 HA 河南 省 Henan
42 HB 湖北 省 Hubei
43 HN 湖南 省 Hunan
44 GD 广东 省 Guangdong
45 GX 广西 壮族自治区 Guangxi
46 HI 海南 省 Hainan
50 CQ 重庆 市 Chongqing
51 SC 四川 省 Sichuan
52 GZ 贵州 省 Guizhou
53 YN 云南 省 Yunnan
54 XZ 西藏 自治区 Tibet
61 SN 陕西 省 Shaanxi
62 GS 甘肃 省 Gansu
63 QH 青海 省 Qinghai
64 NX 宁夏 回族自治区 Ningxia
65 XJ 新疆 维吾尔自治区 Xinjiang
71 TW 台湾 省 Taiwan
81 HK 香港 特别行政区 Hong Kong
82 MO 澳门 特别行政区 Macao
"""

PROVINCES = tuple(Province(*line.split(maxsplit=4)) for line in _TABLE.strip().splitlines())

# Other spellings of names: folded, as `regions` folds them.
ALSO = {
    "臺灣": "71",
    "台灣": "71",
    "臺灣省": "71",
    "台灣省": "71",
    "澳門": "82",
    "中国香港": "81",
    "中国澳门": "82",
    "中国台湾": "71",
    "xizang": "54",
    "neimongol": "15",
    "neimenggu": "15",
    "guangxizhuang": "45",
    "guangxizhuangzu": "45",
    "ningxiahui": "64",
    "ningxiahuizu": "64",
    "xinjianguygur": "65",
    "xinjianguyghur": "65",
    "macau": "82",
}

# What may follow an English name, folded.
EN_KINDS = (
    *("specialadministrativeregion", "autonomousregion", "municipality", "zizhiqu"),
    *("province", "sheng", "city", "shi", "sar"),
)

# Of ISO 3166-2:CN before 2017, where its numbers were not those of GB/T 2260.
OLD_NUMBERS = {"91": "81", "92": "82"}

_COUNTRIES = (
    "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCL"
    "CMCNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGU"
    "GWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMC"
    "MDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPT"
    "PWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUA"
    "UGUMUSUYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZW"
)
COUNTRIES = frozenset(_COUNTRIES[at : at + 2] for at in range(0, len(_COUNTRIES), 2))
