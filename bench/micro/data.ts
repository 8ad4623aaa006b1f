import type { PlainObject } from "../../src/core/plain.ts";

/** Session data whose JSON has about so many bytes: a counter, a few settings and a list of small objects. */
export function dataOf(bytes: number): PlainObject {
  const data: PlainObject = { count: 1, theme: "dark", language: "en", seen: "2026-01-01T00:00:00Z", admin: false };
  const items: PlainObject[] = [];
  data["items"] = items;
  const itemBytes = JSON.stringify(itemAt(1000)).length + 1;
  const room = bytes - JSON.stringify(data).length;
  for (let index = 0; index < Math.round(room / itemBytes); index++) items.push(itemAt(index + 1000));
  return data;
}

function itemAt(index: number): PlainObject {
  return { sku: `item-${index}`, quantity: (index % 9) + 1, price: 19.99, gift: index % 2 === 0 };
}

/** An object of so many keys, alike but for one of them. */
export function keysOf(count: number, changed?: number): PlainObject {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `key${index}`,
      { value: index === changed ? -1 : index, label: `label ${index}` },
    ]),
  );
}
