const here = "http://here.invalid";

/**
 * Where to go after a login: an address of this server, or the dashboard for anything else, so that
 * nobody can make a link that logs in here and ends elsewhere.
 */
export function safeDestination(text: string | undefined): string {
  if (text === undefined || !text.startsWith("/") || !URL.canParse(text, here)) return "/";
  const { origin, pathname, search } = new URL(text, here);
  // "/.//elsewhere" is parsed into a path that browsers read as another host.
  const isHere = origin === here && !pathname.startsWith("//");
  return isHere && pathname !== "/entrar" ? pathname + search : "/";
}
