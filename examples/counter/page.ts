const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** The page that a browser gets: the text, and where to go from there. */
export function page(text: string): string {
  const safe = text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? "");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Counter</title>
<style>body { font: 1.1rem/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 40rem; padding: 0 1rem }</style>
<pre>${safe}</pre>
<p><a href="/">Count</a> · <a href="/session">What the cookie stands for</a></p>
<form method="post" action="/logout"><button>Log out</button></form>
</html>
`;
}
