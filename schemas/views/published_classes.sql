/*
title: 可以公开的培训班次
description: 保密审查有效的培训班次。
fields:
  class_id: {title: 班次编号, sensitivity: public}
*/
SELECT class_id FROM training_classes SEMI JOIN standing_disclosures USING (disclosure_id)
