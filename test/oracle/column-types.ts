/** The types that the marts' columns share, as PostgreSQL names them. */
export const columnTypes = {
  count: "integer",
  money: "numeric(15,2)",
  sum: "numeric(18,2)",
  average: "numeric(15,2)",
  percent: "numeric(7,2)",
  instant: "timestamp with time zone",
} as const;
