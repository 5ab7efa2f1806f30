import { stylesheet } from "../dashboard/answer-assets.ts";
import { html } from "../dashboard/html.ts";
import { renderNotice } from "../dashboard/page.ts";

/** The page that asks a person for the key, and says why it asks again. */
export function renderLogin(login: {
  readonly destino: string;
  readonly error?: string | undefined;
}): string {
  const { destino, error } = login;
  // Announced at once, and described at the field.
  const message =
    error === undefined ? undefined : html`<p class="erro" id="erro" role="alert">${error}</p>`;
  const described =
    error === undefined ? html`` : html` aria-describedby="erro" aria-invalid="true"`;
  return renderNotice({
    stylesheet,
    title: "Entrar",
    look: "aviso entrar",
    content: html`<p>Cole a chave de acesso que você recebeu de quem cuida do painel. O acesso vale por uma semana, só neste navegador.</p>
${message}
<form method="post" action="/entrar">
<input type="hidden" name="destino" value="${destino}">
<label for="chave">Chave de acesso</label>
<input type="password" id="chave" name="chave" required autofocus autocomplete="current-password" spellcheck="false" maxlength="200"${described}>
<button type="submit">Entrar</button>
</form>
<p class="explicacao">Sem chave? Peça uma a quem cuida do servidor: <code>npm run elt -- keys create</code></p>`,
  });
}
