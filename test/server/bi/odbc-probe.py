"""What Power BI and Excel ask an ODBC driver, as one line of JSON."""
import json
import sys

import pyodbc

connection = pyodbc.connect(sys.argv[1], readonly=True)
cursor = connection.cursor()
tables = [row.table_name for row in cursor.tables(schema="marts")]
# The driver's own catalogue calls leave comments blank (psqlODBC 13); a query has them.
names = [row.column_name for row in cursor.columns(table="vendas", schema="marts")]
comments = dict(
    tuple(row)
    for row in cursor.execute(
        "select attname, col_description(attrelid, attnum) from pg_attribute"
        " where attrelid = 'marts.vendas'::regclass and attnum > 0"
    ).fetchall()
)
columns = {name: comments[name] for name in names}
keys = [row.column_name for row in cursor.primaryKeys(table="vendas", schema="marts")]
cursor.execute(
    "select reserva_id, valor, data_venda, data_reserva, numero_parcelas, cliente, corretor"
    " from marts.vendas where conta = ? order by reserva_id",
    "exemplo",
)
rows = [[str(value) for value in row] for row in cursor.fetchall()]
types = [type(value).__name__ for value in cursor.execute(
    "select vendas.reserva_id, vendas.valor, vendas.data_venda, vendas.data_reserva,"
    " vendas.numero_parcelas, vendas.corretor, reservas.eh_venda"
    " from marts.vendas inner join marts.reservas using (conta, reserva_id) limit 1"
).fetchone()]
refused = []
for relation in ("marts_pii.vendas", "staging.reservas", "landing.reservas", "elt.secrets"):
    try:
        cursor.execute("select * from " + relation + " limit 1").fetchall()
    except pyodbc.Error:
        connection.rollback()
        refused.append(relation)
print(json.dumps({
    "tables": tables, "comments": {}, "columns": columns, "keys": keys,
    "rows": rows, "types": types, "refused": refused,
}))
