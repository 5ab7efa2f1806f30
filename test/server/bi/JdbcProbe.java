import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** What Metabase asks a JDBC driver, as one line of JSON. */
public class JdbcProbe {
  public static void main(String[] args) throws Exception {
    try (Connection connection = DriverManager.getConnection(args[0], args[1], args[2])) {
      var meta = connection.getMetaData();
      List<String> tables = new ArrayList<>();
      List<String> comments = new ArrayList<>();
      try (ResultSet found = meta.getTables(null, "marts", "%", new String[] {"TABLE", "VIEW"})) {
        while (found.next()) {
          tables.add(text(found.getString("TABLE_NAME")));
          comments.add(text(found.getString("TABLE_NAME")) + ":" + text(found.getString("REMARKS")));
        }
      }
      List<String> columns = new ArrayList<>();
      try (ResultSet found = meta.getColumns(null, "marts", "vendas", "%")) {
        while (found.next()) {
          columns.add(text(found.getString("COLUMN_NAME")) + ":" + text(found.getString("REMARKS")));
        }
      }
      List<String> keys = new ArrayList<>();
      try (ResultSet found = meta.getPrimaryKeys(null, "marts", "vendas")) {
        while (found.next()) keys.add(text(found.getString("COLUMN_NAME")));
      }
      List<String> types = new ArrayList<>();
      List<String> rows = new ArrayList<>();
      String sql =
          "select reserva_id, valor, data_venda, data_reserva, numero_parcelas, cliente, corretor"
              + " from marts.vendas where conta = ? order by reserva_id";
      try (PreparedStatement statement = connection.prepareStatement(sql)) {
        statement.setString(1, "exemplo");
        try (ResultSet found = statement.executeQuery()) {
          int count = found.getMetaData().getColumnCount();
          for (int i = 1; i <= count; i++) types.add(text(found.getMetaData().getColumnClassName(i)));
          while (found.next()) {
            List<String> row = new ArrayList<>();
            for (int i = 1; i <= count; i++) row.add(text(String.valueOf(found.getObject(i))));
            rows.add("[" + String.join(",", row) + "]");
          }
        }
      }
      List<String> refused = new ArrayList<>();
      for (String relation :
          List.of("marts_pii.vendas", "staging.reservas", "landing.reservas", "elt.secrets")) {
        try (Statement statement = connection.createStatement()) {
          statement.executeQuery("select * from " + relation + " limit 1");
        } catch (SQLException error) {
          refused.add(text(relation));
        }
      }
      System.out.println(
          "{\"tables\":" + list(tables) + ",\"comments\":" + object(comments) + ",\"columns\":"
              + object(columns) + ",\"keys\":" + list(keys) + ",\"types\":" + list(types)
              + ",\"rows\":" + list(rows) + ",\"refused\":" + list(refused) + "}");
    }
  }

  static String list(List<String> members) {
    return "[" + String.join(",", members) + "]";
  }

  static String object(List<String> members) {
    return "{" + String.join(",", members) + "}";
  }

  static String text(String value) {
    if (value == null) return "null";
    StringBuilder out = new StringBuilder("\"");
    for (char c : value.toCharArray()) {
      if (c == '"' || c == '\\') out.append('\\').append(c);
      else if (c < 0x20) out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    }
    return out.append('"').toString();
  }
}
