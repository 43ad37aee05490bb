WITH `population` AS (
  SELECT
    `person_id`,
    DATETIME '2026-03-02 09:30:00.000000' AS `as_of`
  FROM `people`
), `facts_events` AS (
  SELECT
    `e`.`person_id`,
    COUNT(
      CASE
        WHEN `e`.`name` IN ('Order Completed')
        AND `e`.`at` > DATETIME_SUB(CAST(DATETIME '2026-03-02 09:30:00.000000' AS DATETIME), INTERVAL 30 DAY)
        THEN 1
      END
    ) AS `orders_30d`,
    IEEE_DIVIDE(ROUND(SUM(CASE WHEN `e`.`name` IN ('Order Completed', 'Order Refunded') THEN ROUND(SAFE_MULTIPLY(CAST(`e`.`revenue` AS FLOAT64), 1e6)) END)), 1e6) AS `spend`,
    IEEE_DIVIDE(IEEE_DIVIDE(ROUND(SUM(CASE WHEN `e`.`name` IN ('Order Completed') AND `e`.`at` > DATETIME_SUB(CAST(DATETIME '2026-03-02 09:30:00.000000' AS DATETIME), INTERVAL 7 DAY) THEN ROUND(SAFE_MULTIPLY(CAST(`e`.`revenue` AS FLOAT64), 1e6)) END)), 1e6), NULLIF(COUNT(CASE WHEN `e`.`name` IN ('Order Completed') AND `e`.`at` > DATETIME_SUB(CAST(DATETIME '2026-03-02 09:30:00.000000' AS DATETIME), INTERVAL 7 DAY) THEN `e`.`revenue` END), 0)) AS `mean_7d`,
    LOGICAL_OR(CASE WHEN `e`.`name` IN ('Product Viewed') THEN (
      `e`.`price` > 100
    ) END) AS `ever_dear`,
    COUNT(
      CASE
        WHEN CASE
          WHEN `e`.`name` IN ('Email Opened')
          THEN (
            COALESCE(
              COALESCE(JSON_VALUE(`e`.`properties`, '$."verdict"'), NULLIF(JSON_QUERY(`e`.`properties`, '$."verdict"'), 'null')),
              'human'
            ) <> 'machine'
          )
          ELSE FALSE
        END
        THEN 1
      END
    ) AS `opens`,
    ROUND(SAFE_MULTIPLY(SUM(CASE WHEN `e`.`name` IN ('Product Viewed', 'Product Added') AND `e`.`at` > DATETIME_SUB(CAST(DATETIME '2026-03-02 09:30:00.000000' AS DATETIME), INTERVAL 90 DAY) THEN SAFE_MULTIPLY(CASE `e`.`name` WHEN 'Product Viewed' THEN 1.0e0 WHEN 'Product Added' THEN 3.0e0 END, SAFE.POW(2e0, (SELECT MAX(one) FROM UNNEST([IEEE_DIVIDE((-(DATETIME_DIFF(NULLIF(NULLIF(DATETIME '2026-03-02 09:30:00.000000', DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999'), DATETIME '1970-01-01 00:00:00', MICROSECOND) - DATETIME_DIFF(NULLIF(NULLIF(`e`.`at`, DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999'), DATETIME '1970-01-01 00:00:00', MICROSECOND))), 1209600000000.0), (-1000e0)]) AS one))) END), 1e6)) / 1e6 AS `interest`
  FROM `events` AS `e`
  WHERE
    `e`.`at` <= DATETIME '2026-03-02 09:30:00.000000'
    AND (
      `e`.`name` IN ('Order Completed', 'Order Refunded', 'Product Viewed', 'Email Opened')
      OR `e`.`name` IN ('Product Added')
      AND `e`.`at` > DATETIME_SUB(CAST(DATETIME '2026-03-02 09:30:00.000000' AS DATETIME), INTERVAL 90 DAY)
    )
  GROUP BY
    `e`.`person_id`
), `facts_events_in_order` AS (
  SELECT
    `e person_id` AS `person_id`,
    MAX(`pick 1`) AS `last_product`
  FROM (
    SELECT
      CASE
        WHEN ROW_NUMBER() OVER (
          PARTITION BY `e`.`person_id`
          ORDER BY CASE
            WHEN (
              NOT `e`.`product_id` IS NULL
            ) AND NOT `e`.`product_id` IS NULL
            THEN 0
            ELSE 1
          END ASC NULLS LAST, `e`.`at` DESC, `e`.`event_id` DESC
        ) = 1
        AND (
          (
            NOT `e`.`product_id` IS NULL
          ) AND NOT `e`.`product_id` IS NULL
        )
        THEN `e`.`product_id`
      END AS `pick 1`,
      `e`.`person_id` AS `e person_id`
    FROM `events` AS `e`
    WHERE
      `e`.`at` <= DATETIME '2026-03-02 09:30:00.000000'
      AND `e`.`name` IN ('Product Viewed', 'Order Completed')
      AND `e`.`at` > DATETIME_SUB(CAST(DATETIME '2026-03-02 09:30:00.000000' AS DATETIME), INTERVAL 90 DAY)
  ) AS `facts`
  GROUP BY
    `e person_id`
), `facts_last_order_completed_ranked` AS (
  SELECT
    `e`.*,
    ROW_NUMBER() OVER (PARTITION BY `e`.`person_id` ORDER BY `e`.`at` DESC, `e`.`event_id` DESC) AS `newest`
  FROM `events` AS `e`
  WHERE
    `e`.`at` <= DATETIME '2026-03-02 09:30:00.000000'
    AND `e`.`name` IN ('Order Completed')
    AND `e`.`at` > DATETIME_SUB(CAST(DATETIME '2026-03-02 09:30:00.000000' AS DATETIME), INTERVAL 90 DAY)
), `facts_last_order_completed` AS (
  SELECT
    `e`.`person_id`,
    IEEE_DIVIDE(ROUND(SUM(ROUND(SAFE_MULTIPLY(CAST(`e`.`revenue` AS FLOAT64), 1e6)))), 1e6) AS `last_two`
  FROM `facts_last_order_completed_ranked` AS `e`
  WHERE
    `e`.`newest` <= 2
  GROUP BY
    `e`.`person_id`
), `facts_events_by_category_values` AS (
  SELECT
    `e`.`person_id`,
    `e`.`category` AS `value`,
    COUNT(*) AS `viewed_most found`,
    MAX(`e`.`at`) AS `viewed_most latest`,
    COUNT(*) AS `categories found`
  FROM `events` AS `e`
  WHERE
    `e`.`at` <= DATETIME '2026-03-02 09:30:00.000000'
    AND `e`.`name` IN ('Product Viewed')
    AND NOT `e`.`category` IS NULL
  GROUP BY
    `e`.`person_id`,
    `e`.`category`
), `facts_events_by_category` AS (
  SELECT
    `person_id` AS `person_id`,
    MAX(`pick 1`) AS `viewed_most`,
    COUNT(CASE WHEN `categories found` > 0 THEN 1 END) AS `categories`
  FROM (
    SELECT
      CASE
        WHEN ROW_NUMBER() OVER (
          PARTITION BY `person_id`
          ORDER BY CASE WHEN (
            `viewed_most found` > 0
          ) AND NOT `value` IS NULL THEN 0 ELSE 1 END ASC NULLS LAST, `viewed_most found` DESC, `viewed_most latest` DESC, `value` DESC
        ) = 1
        AND (
          (
            `viewed_most found` > 0
          ) AND NOT `value` IS NULL
        )
        THEN `value`
      END AS `pick 1`,
      `person_id` AS `person_id`,
      `categories found` AS `categories found`
    FROM `facts_events_by_category_values`
  ) AS `facts`
  GROUP BY
    `person_id`
), `facts_order_lines_by_category_values` AS (
  SELECT
    `e`.`person_id`,
    `e`.`category` AS `value`,
    COUNT(*) AS `spent_most found`,
    ROUND(SUM(ROUND(SAFE_MULTIPLY(COALESCE(CAST(`e`.`revenue` AS FLOAT64), 0e0), 1e6)))) AS `spent_most total`,
    MAX(`e`.`at`) AS `spent_most latest`
  FROM `order_lines` AS `e`
  WHERE
    `e`.`at` <= DATETIME '2026-03-02 09:30:00.000000'
    AND `e`.`name` IN ('Order Completed')
    AND NOT `e`.`category` IS NULL
  GROUP BY
    `e`.`person_id`,
    `e`.`category`
), `facts_order_lines_by_category` AS (
  SELECT
    `person_id` AS `person_id`,
    MAX(`pick 1`) AS `spent_most`
  FROM (
    SELECT
      CASE
        WHEN ROW_NUMBER() OVER (
          PARTITION BY `person_id`
          ORDER BY CASE WHEN (
            `spent_most found` > 0
          ) AND NOT `value` IS NULL THEN 0 ELSE 1 END ASC NULLS LAST, `spent_most total` DESC, `spent_most latest` DESC, `value` DESC
        ) = 1
        AND (
          (
            `spent_most found` > 0
          ) AND NOT `value` IS NULL
        )
        THEN `value`
      END AS `pick 1`,
      `person_id` AS `person_id`
    FROM `facts_order_lines_by_category_values`
  ) AS `facts`
  GROUP BY
    `person_id`
), `facts_order_lines` AS (
  SELECT
    `e`.`person_id`,
    IEEE_DIVIDE(ROUND(SUM(ROUND(SAFE_MULTIPLY(CAST((SAFE_MULTIPLY(`e`.`quantity`, `item`.`margin`)) AS FLOAT64), 1e6)))), 1e6) AS `margin`
  FROM `order_lines` AS `e`
  LEFT JOIN `items` AS `item`
    ON `item`.`item_id` = `e`.`product_id`
  WHERE
    `e`.`at` <= DATETIME '2026-03-02 09:30:00.000000'
    AND `e`.`name` IN ('Order Completed')
  GROUP BY
    `e`.`person_id`
), `streak_days_in_a_row_facts` AS (
  SELECT DISTINCT
    `e`.`person_id`,
    DATE_DIFF(CAST(DATETIME(TIMESTAMP(`e`.`at`, 'UTC'), `who`.`local_zone`) AS DATE), CAST('1970-01-01' AS DATE), DAY) AS `period`,
    DATE_DIFF(CAST(DATETIME(TIMESTAMP(DATETIME '2026-03-02 09:30:00.000000', 'UTC'), `who`.`local_zone`) AS DATE), CAST('1970-01-01' AS DATE), DAY) AS `current_period`
  FROM `events` AS `e`
  JOIN `people` AS `who`
    ON `who`.`person_id` = `e`.`person_id`
  WHERE
    `e`.`at` <= DATETIME '2026-03-02 09:30:00.000000'
    AND `e`.`name` IN ('Product Viewed')
    AND `e`.`at` > DATETIME_SUB(CAST(DATETIME '2026-03-02 09:30:00.000000' AS DATETIME), INTERVAL 370 DAY)
    AND `e`.`person_id` IN (
      SELECT
        `e`.`person_id`
      FROM `events` AS `e`
      WHERE
        `e`.`at` <= DATETIME '2026-03-02 09:30:00.000000'
        AND `e`.`name` IN ('Product Viewed')
        AND `e`.`at` > DATETIME_SUB(CAST(DATETIME '2026-03-02 09:30:00.000000' AS DATETIME), INTERVAL 4 DAY)
    )
), `streak_days_in_a_row_runs` AS (
  SELECT
    *,
    `period` + ROW_NUMBER() OVER (PARTITION BY `person_id` ORDER BY `period` DESC) AS `run`,
    MAX(`period`) OVER (PARTITION BY `person_id`) AS `newest`
  FROM `streak_days_in_a_row_facts`
  WHERE
    `period` <= `current_period`
), `streak_days_in_a_row` AS (
  SELECT
    `person_id`,
    LEAST(COUNT(*), 366) AS `days_in_a_row`
  FROM `streak_days_in_a_row_runs`
  WHERE
    `newest` >= `current_period` - 1 AND `run` = `newest` + 1
  GROUP BY
    `person_id`
), `streak_weeks_in_a_row_facts` AS (
  SELECT DISTINCT
    `e`.`person_id`,
    CAST(FLOOR(
      IEEE_DIVIDE((DATE_DIFF(CAST(DATETIME(TIMESTAMP(`e`.`at`, 'UTC'), `who`.`local_zone`) AS DATE), CAST('1970-01-01' AS DATE), DAY) + 3), 7e0)
    ) AS INT64) AS `period`,
    CAST(FLOOR(
      IEEE_DIVIDE((DATE_DIFF(CAST(DATETIME(TIMESTAMP(DATETIME '2026-03-02 09:30:00.000000', 'UTC'), `who`.`local_zone`) AS DATE), CAST('1970-01-01' AS DATE), DAY) + 3), 7e0)
    ) AS INT64) AS `current_period`
  FROM `events` AS `e`
  JOIN `people` AS `who`
    ON `who`.`person_id` = `e`.`person_id`
  WHERE
    `e`.`at` <= DATETIME '2026-03-02 09:30:00.000000'
    AND `e`.`name` IN ('Product Viewed')
    AND `e`.`at` > DATETIME_SUB(CAST(DATETIME '2026-03-02 09:30:00.000000' AS DATETIME), INTERVAL 2580 DAY)
    AND `e`.`person_id` IN (
      SELECT
        `e`.`person_id`
      FROM `events` AS `e`
      WHERE
        `e`.`at` <= DATETIME '2026-03-02 09:30:00.000000'
        AND `e`.`name` IN ('Product Viewed')
        AND `e`.`at` > DATETIME_SUB(CAST(DATETIME '2026-03-02 09:30:00.000000' AS DATETIME), INTERVAL 16 DAY)
    )
), `streak_weeks_in_a_row_runs` AS (
  SELECT
    *,
    `period` + ROW_NUMBER() OVER (PARTITION BY `person_id` ORDER BY `period` DESC) AS `run`,
    MAX(`period`) OVER (PARTITION BY `person_id`) AS `newest`
  FROM `streak_weeks_in_a_row_facts`
  WHERE
    `period` <= `current_period`
), `streak_weeks_in_a_row` AS (
  SELECT
    `person_id`,
    LEAST(COUNT(*), 366) AS `weeks_in_a_row`
  FROM `streak_weeks_in_a_row_runs`
  WHERE
    `newest` >= `current_period` - 1 AND `run` = `newest` + 1
  GROUP BY
    `person_id`
), `streak_months_in_a_row_facts` AS (
  SELECT DISTINCT
    `e`.`person_id`,
    (
      EXTRACT(year FROM NULLIF(NULLIF(DATETIME(TIMESTAMP(`e`.`at`, 'UTC'), `who`.`local_zone`), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) * 12 + EXTRACT(month FROM NULLIF(NULLIF(DATETIME(TIMESTAMP(`e`.`at`, 'UTC'), `who`.`local_zone`), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999'))
    ) AS `period`,
    (
      EXTRACT(year FROM NULLIF(NULLIF(DATETIME(TIMESTAMP(DATETIME '2026-03-02 09:30:00.000000', 'UTC'), `who`.`local_zone`), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999')) * 12 + EXTRACT(month FROM NULLIF(NULLIF(DATETIME(TIMESTAMP(DATETIME '2026-03-02 09:30:00.000000', 'UTC'), `who`.`local_zone`), DATETIME '0001-01-01 00:00:00'), DATETIME '9999-12-31 23:59:59.999999'))
    ) AS `current_period`
  FROM `events` AS `e`
  JOIN `people` AS `who`
    ON `who`.`person_id` = `e`.`person_id`
  WHERE
    `e`.`at` <= DATETIME '2026-03-02 09:30:00.000000'
    AND `e`.`name` IN ('Product Viewed')
    AND `e`.`at` > DATETIME_SUB(CAST(DATETIME '2026-03-02 09:30:00.000000' AS DATETIME), INTERVAL 11408 DAY)
    AND `e`.`person_id` IN (
      SELECT
        `e`.`person_id`
      FROM `events` AS `e`
      WHERE
        `e`.`at` <= DATETIME '2026-03-02 09:30:00.000000'
        AND `e`.`name` IN ('Product Viewed')
        AND `e`.`at` > DATETIME_SUB(CAST(DATETIME '2026-03-02 09:30:00.000000' AS DATETIME), INTERVAL 64 DAY)
    )
), `streak_months_in_a_row_runs` AS (
  SELECT
    *,
    `period` + ROW_NUMBER() OVER (PARTITION BY `person_id` ORDER BY `period` DESC) AS `run`,
    MAX(`period`) OVER (PARTITION BY `person_id`) AS `newest`
  FROM `streak_months_in_a_row_facts`
  WHERE
    `period` <= `current_period`
), `streak_months_in_a_row` AS (
  SELECT
    `person_id`,
    LEAST(COUNT(*), 366) AS `months_in_a_row`
  FROM `streak_months_in_a_row_runs`
  WHERE
    `newest` >= `current_period` - 1 AND `run` = `newest` + 1
  GROUP BY
    `person_id`
), `sequence_left_a_cart_facts` AS (
  SELECT
    `e`.`person_id`,
    `e`.`at` AS `moment`,
    `e`.`event_id`,
    (
      `e`.`name` IN ('Product Added')
    ) AS `reached_1`,
    (
      `e`.`name` IN ('Order Completed')
    ) AS `fits_2`
  FROM `events` AS `e`
  WHERE
    `e`.`at` <= DATETIME '2026-03-02 09:30:00.000000'
    AND `e`.`name` IN ('Product Added', 'Order Completed')
), `sequence_left_a_cart_after` AS (
  SELECT
    *,
    MIN(CASE WHEN `fits_2` THEN `moment` END) OVER (
      PARTITION BY `person_id`
      ORDER BY `moment`, `event_id`
      ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ) AS `forbidden`
  FROM `sequence_left_a_cart_facts`
), `sequence_left_a_cart` AS (
  SELECT
    `person_id`,
    MAX(DATETIME_ADD(CAST(`moment` AS DATETIME), INTERVAL 1 DAY)) AS `left_a_cart`
  FROM `sequence_left_a_cart_after`
  WHERE
    `reached_1`
    AND COALESCE(`forbidden` > DATETIME_ADD(CAST(`moment` AS DATETIME), INTERVAL 1 DAY), TRUE)
    AND DATETIME_ADD(CAST(`moment` AS DATETIME), INTERVAL 1 DAY) <= DATETIME '2026-03-02 09:30:00.000000'
  GROUP BY
    `person_id`
), `sequence_came_back_facts` AS (
  SELECT
    `e`.`person_id`,
    `e`.`at` AS `moment`,
    `e`.`event_id`,
    (
      `e`.`name` IN ('Email Opened')
    ) AS `reached_1`,
    (
      `e`.`name` IN ('Product Viewed')
    ) AS `fits_2`,
    (
      `e`.`name` IN ('Order Completed')
    ) AS `fits_3`,
    ROW_NUMBER() OVER (
      PARTITION BY `e`.`person_id`
      ORDER BY `e`.`at` NULLS LAST, `e`.`event_id` NULLS LAST
    ) AS `place`
  FROM `events` AS `e`
  WHERE
    `e`.`at` <= DATETIME '2026-03-02 09:30:00.000000'
    AND `e`.`name` IN ('Email Opened', 'Product Viewed', 'Order Completed')
), `sequence_came_back_2` AS (
  SELECT
    *,
    (
      `fits_2`
      AND `moment` <= DATETIME_ADD(CAST(MAX(CASE WHEN `reached_1` THEN `moment` END) OVER (PARTITION BY `person_id` ORDER BY `place` ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS DATETIME), INTERVAL 7200 SECOND)
    ) AS `reached_2`
  FROM `sequence_came_back_facts`
), `sequence_came_back_3` AS (
  SELECT
    *,
    (
      `fits_3`
      AND `moment` <= DATETIME_ADD(CAST(MAX(CASE WHEN `reached_2` THEN `moment` END) OVER (PARTITION BY `person_id` ORDER BY `place` ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS DATETIME), INTERVAL 1 DAY)
    ) AS `reached_3`
  FROM `sequence_came_back_2`
), `sequence_came_back` AS (
  SELECT
    `person_id`,
    MAX(`moment`) AS `came_back`
  FROM `sequence_came_back_3`
  WHERE
    `reached_3`
  GROUP BY
    `person_id`
), `layer_0` AS (
  SELECT
    `population`.`person_id`,
    `population`.`as_of`,
    COALESCE(`facts_events`.`orders_30d`, 0) AS `orders_30d`,
    COALESCE(`facts_events`.`spend`, 0.0e0) AS `spend`,
    `facts_events`.`mean_7d` AS `mean_7d`,
    `facts_events`.`ever_dear` AS `ever_dear`,
    COALESCE(`facts_events`.`opens`, 0) AS `opens`,
    COALESCE(`facts_events`.`interest`, 0.0e0) AS `interest`,
    `facts_events_in_order`.`last_product` AS `last_product`,
    COALESCE(`facts_last_order_completed`.`last_two`, 0.0e0) AS `last_two`,
    `facts_events_by_category`.`viewed_most` AS `viewed_most`,
    COALESCE(`facts_events_by_category`.`categories`, 0) AS `categories`,
    `facts_order_lines_by_category`.`spent_most` AS `spent_most`,
    COALESCE(`facts_order_lines`.`margin`, 0.0e0) AS `margin`,
    COALESCE(`streak_days_in_a_row`.`days_in_a_row`, 0) AS `days_in_a_row`,
    COALESCE(`streak_weeks_in_a_row`.`weeks_in_a_row`, 0) AS `weeks_in_a_row`,
    COALESCE(`streak_months_in_a_row`.`months_in_a_row`, 0) AS `months_in_a_row`,
    `sequence_left_a_cart`.`left_a_cart` AS `left_a_cart`,
    `sequence_came_back`.`came_back` AS `came_back`,
    `people`.`country` AS `country`
  FROM `population`
  LEFT JOIN `facts_events`
    ON `facts_events`.`person_id` = `population`.`person_id`
  LEFT JOIN `facts_events_in_order`
    ON `facts_events_in_order`.`person_id` = `population`.`person_id`
  LEFT JOIN `facts_last_order_completed`
    ON `facts_last_order_completed`.`person_id` = `population`.`person_id`
  LEFT JOIN `facts_events_by_category`
    ON `facts_events_by_category`.`person_id` = `population`.`person_id`
  LEFT JOIN `facts_order_lines_by_category`
    ON `facts_order_lines_by_category`.`person_id` = `population`.`person_id`
  LEFT JOIN `facts_order_lines`
    ON `facts_order_lines`.`person_id` = `population`.`person_id`
  LEFT JOIN `streak_days_in_a_row`
    ON `streak_days_in_a_row`.`person_id` = `population`.`person_id`
  LEFT JOIN `streak_weeks_in_a_row`
    ON `streak_weeks_in_a_row`.`person_id` = `population`.`person_id`
  LEFT JOIN `streak_months_in_a_row`
    ON `streak_months_in_a_row`.`person_id` = `population`.`person_id`
  LEFT JOIN `sequence_left_a_cart`
    ON `sequence_left_a_cart`.`person_id` = `population`.`person_id`
  LEFT JOIN `sequence_came_back`
    ON `sequence_came_back`.`person_id` = `population`.`person_id`
  LEFT JOIN `people`
    ON `people`.`person_id` = `population`.`person_id`
), `layer_1` AS (
  SELECT
    *,
    CAST(ROUND(SAFE_MULTIPLY(CAST((IEEE_DIVIDE(`spend`, NULLIF(CAST(NULLIF(`orders_30d`, 0) AS FLOAT64), 0))) AS FLOAT64), 1e2)) / 1e2 AS FLOAT64) AS `per_order`,
    CASE
      WHEN (
        NOT `spend` IS NULL AND COALESCE((
          `orders_30d` > 0
        ), FALSE)
      )
      THEN CAST(1 + FLOOR(
        5 * (
          RANK() OVER (
            PARTITION BY `as_of`, (
              NOT `spend` IS NULL AND COALESCE((
                `orders_30d` > 0
              ), FALSE)
            )
            ORDER BY `spend` ASC NULLS LAST
          ) - 1
        ) / (
          COUNT(*) OVER (
            PARTITION BY `as_of`, (
              NOT `spend` IS NULL AND COALESCE((
                `orders_30d` > 0
              ), FALSE)
            )
          )
        )
      ) AS INT64)
    END AS `fifth`
  FROM `layer_0`
), `layer_2` AS (
  SELECT
    *,
    CAST((
      CASE
        WHEN (
          `fifth` >= 4
        )
        THEN 'best'
        WHEN (
          LOWER(TRANSLATE(`country`, 'İΣ', 'iσ')) LIKE 'f%'
        )
        THEN 'rest'
      END
    ) AS STRING) AS `kind`
  FROM `layer_1`
)
SELECT
  `person_id`,
  `as_of`,
  `orders_30d`,
  `spend`,
  `mean_7d`,
  `last_product`,
  `ever_dear`,
  `opens`,
  `last_two`,
  `viewed_most`,
  `spent_most`,
  `margin`,
  `categories`,
  `days_in_a_row`,
  `weeks_in_a_row`,
  `months_in_a_row`,
  `interest`,
  `left_a_cart`,
  `came_back`,
  `per_order`,
  `fifth`,
  `kind`
FROM `layer_2`;
