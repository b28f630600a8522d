"""Invented names with their pinyin: every reading stands beside its character, so surnames read as surnames."""

from __future__ import annotations

from random import Random

SURNAMES = """
李lǐ 王wáng 张zhāng 刘liú 陈chén 杨yáng 赵zhào 黄huáng 周zhōu 吴wú 徐xú 孙sūn 马mǎ 朱zhū 胡hú 郭guō 何hé 高gāo
林lín 罗luó 郑zhèng 梁liáng 谢xiè 宋sòng 唐táng 许xǔ 韩hán 冯féng 邓dèng 曹cáo 彭péng 曾zēng 肖xiāo 田tián 董dǒng
潘pān 袁yuán 蔡cài 蒋jiǎng 余yú 于yú 杜dù 叶yè 程chéng 魏wèi 苏sū 吕lǚ 丁dīng 任rén 卢lú 姚yáo 沈shěn 钟zhōng
姜jiāng 崔cuī 谭tán 陆lù 范fàn 汪wāng 廖liào 石shí 金jīn 韦wéi 贾jiǎ 夏xià 付fù 方fāng 邹zōu 熊xióng 白bái
孟mèng 秦qín 邱qiū 侯hóu 江jiāng 尹yǐn 薛xuē 阎yán 段duàn 雷léi 龙lóng 史shǐ 陶táo 贺hè 顾gù 毛máo 郝hǎo 龚gōng
邵shào 万wàn 钱qián 严yán 赖lài 覃qín 洪hóng 武wǔ 莫mò 孔kǒng 汤tāng 温wēn 康kāng 施shī 文wén 牛niú 樊fán 葛gě
邢xíng 安ān 齐qí 庞páng 颜yán 单shàn 仇qiú 解xiè 翟zhái
"""

GIVEN_MALE = """
伟wěi 强qiáng 军jūn 勇yǒng 建jiàn 国guó 志zhì 明míng 永yǒng 平píng 海hǎi 涛tāo 文wén 斌bīn 德dé 福fú 长cháng 顺shùn
金jīn 贵guì 春chūn 生shēng 玉yù 林lín 世shì 荣róng 保bǎo 全quán 广guǎng 才cái 立lì 新xīn 学xué 峰fēng 宏hóng 亮liàng
振zhèn 华huá 光guāng 辉huī 继jì 东dōng 旭xù 升shēng 庆qìng 丰fēng 兴xīng 旺wàng 有yǒu 财cái 忠zhōng 诚chéng 守shǒu
义yì 占zhàn 魁kuí 怀huái 仁rén 思sī 源yuán 鹏péng 程chéng 浩hào 凡fán 岳yuè 川chuān 启qǐ 航háng
"""

GIVEN_FEMALE = """
秀xiù 英yīng 桂guì 兰lán 玉yù 梅méi 丽lì 华huá 红hóng 霞xiá 淑shū 芳fāng 春chūn 燕yàn 雪xuě 琴qín 海hǎi 晓xiǎo 敏mǐn
艳yàn 萍píng 美měi 玲líng 翠cuì 凤fèng 云yún 金jīn 枝zhī 爱ài 珍zhēn 慧huì 娟juān 雅yǎ 静jìng 文wén 婷tíng 思sī
雨yǔ 佳jiā 怡yí
"""

# Uyghur names as identity cards write them: the given name, U+00B7, the father's name.
UYGHUR_MALE = """
阿卜杜热依木/ā bǔ dù rè yī mù 买买提艾力/mǎi mǎi tí ài lì 吐尔逊江/tǔ ěr xùn jiāng 艾尔肯/ài ěr kěn
亚森/yà sēn 库尔班/kù ěr bān 伊敏/yī mǐn 赛甫丁/sài fǔ dīng 吾买尔/wú mǎi ěr 热合曼/rè hé màn 沙吾提/shā wú tí
阿迪力/ā dí lì 帕尔哈提/pà ěr hā tí 图尔荪/tú ěr sūn 斯拉木/sī lā mù 克里木/kè lǐ mù
"""

UYGHUR_FEMALE = """
古丽娜尔/gǔ lì nà ěr 迪丽拜尔/dí lì bài ěr 热孜万古丽/rè zī wàn gǔ lì 阿依努尔/ā yī nǔ ěr 玛依拉/mǎ yī lā
帕提古丽/pà tí gǔ lì 阿依夏木/ā yī xià mù
"""

CharReading = tuple[str, str]


def _pairs(text: str) -> list[CharReading]:
    return [(item[0], item[1:]) for item in text.split()]


def _words(text: str) -> list[CharReading]:
    # A reading holds spaces, so a name begins where a slash ends it.
    result: list[CharReading] = []
    for item in text.split():
        if "/" in item:
            name, first = item.split("/")
            result.append((name, first))
        else:
            result[-1] = (result[-1][0], f"{result[-1][1]} {item}")
    return result


_SURNAMES, _MALE, _FEMALE = _pairs(SURNAMES), _pairs(GIVEN_MALE), _pairs(GIVEN_FEMALE)
_UYGHUR_MALE, _UYGHUR_FEMALE = _words(UYGHUR_MALE), _words(UYGHUR_FEMALE)
# The first surnames of the list are the common ones.
_WEIGHTS = [60 if i < 5 else 25 if i < 20 else 8 if i < 60 else 3 for i in range(len(_SURNAMES))]


def han_name(rng: Random, sex: str, surname: str | None = None) -> tuple[str, str]:
    """Return a name and its pinyin."""
    family = next(p for p in _SURNAMES if p[0] == surname) if surname else rng.choices(_SURNAMES, _WEIGHTS)[0]
    pool = _MALE if sex == "男" else _FEMALE
    given = rng.sample(pool, 1 if rng.random() < 0.12 else 2)
    parts = [family, *given]
    return "".join(p[0] for p in parts), " ".join(p[1] for p in parts)


def uyghur_name(rng: Random, sex: str) -> tuple[str, str]:
    """Return a name with its father's name, joined by U+00B7, and its pinyin."""
    own = rng.choice(_UYGHUR_MALE if sex == "男" else _UYGHUR_FEMALE)
    father = rng.choice([w for w in _UYGHUR_MALE if w != own])
    return f"{own[0]}·{father[0]}", f"{own[1]} {father[1]}"
