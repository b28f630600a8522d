/*
title: 结构统计项目
description: 每个统计时点的统计维度和项目；年龄、任职年限、党龄的分段按该时点有效的政策。
fields:
  reference_date: {title: 统计时点, sensitivity: public}
  dimension: {title: 统计维度, sensitivity: public}
  item: {title: 项目代号, sensitivity: public}
  title: {title: 项目, sensitivity: public}
  ordinal: {title: 次序, sensitivity: public}
  count_id: {title: 人数指标, sensitivity: public}
  share_id: {title: 占比指标, sensitivity: public}
  lower: {title: 下限, sensitivity: public}
  upper: {title: 上限, sensitivity: public}
  adds_up: {title: 各项是否互不重叠, description: 为“否”的维度各项互相包含，占比不得相加。, sensitivity: public}
*/
SELECT reference_date, b.dimension, b.band AS item, b.title,
    CASE b.dimension WHEN '年龄' THEN 100 WHEN '任职年限' THEN 600 ELSE 700 END + least(b.ordinal, 99) AS ordinal,
    'count_' || b.band AS count_id, 'share_' || b.band AS share_id, b.lower, b.upper, true AS adds_up
FROM reference_dates JOIN policy_bands AS b
    ON b.effective_from <= reference_date AND (b.effective_to IS NULL OR b.effective_to >= reference_date)
UNION ALL
-- 大专以上 lies inside 高中以上: the two are thresholds, not parts of a whole.
SELECT reference_date, f.dimension, f.item, f.title, f.ordinal,
    CASE WHEN dimension = '来源渠道' THEN item ELSE 'count_' || item END, 'share_' || item, NULL, NULL, dimension = '来源渠道'
FROM reference_dates, (VALUES
    ('学历', 'edu_senior', '高中以上', 201),
    ('学历', 'edu_college', '大专以上', 202),
    ('来源渠道', 'channel_leader', '致富带头人', 301),
    ('来源渠道', 'channel_veteran', '退伍军人', 302),
    ('来源渠道', 'channel_returned', '回乡青年', 303),
    ('来源渠道', 'channel_graduate', '大中专毕业生', 304),
    ('来源渠道', 'channel_migrant', '外出务工返乡', 305),
    ('来源渠道', 'channel_other', '其他', 306),
    ('任职方式', 'concurrent', '“一肩挑”', 401),
    ('性别', 'female', '女', 501),
    ('民族', 'minority', '少数民族', 551)
) AS f (dimension, item, title, ordinal)
