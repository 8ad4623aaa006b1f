// A server process of the benchmark: `node serve.mjs CONFIG URLS`. Tells its port, and when asked its processor time so far.
import { bare, listen } from "./bare.mjs";

const [name, urls] = process.argv.slice(2);
const app = name in bare ? bare[name]() : await configured();
const port = await listen(app);
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send({ user, system });
});
process.on("disconnect", () => process.exit());
process.send({ port });

async function configured() {
  const { configs } = await import("./configs.mjs");
  return configs[name].start(JSON.parse(urls));
}
