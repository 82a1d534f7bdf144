// Opens every .html of a folder in Chromium: WCAG by axe, light and dark, 375 and 800 px wide; sideways scroll at 320,
// 375 and 800 px. A line a failure. With a second folder, pictures of the pages go there.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, tools, pictures] = process.argv.slice(2);
const require = createRequire(path.resolve(tools, 'package.json'));
const puppeteer = require('puppeteer-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const chromium = process.env.CHROMIUM || '/usr/bin/chromium';
const browser = await puppeteer.launch({ executablePath: chromium, headless: true, args: ['--no-sandbox'] });

const page = await browser.newPage();
// Nothing but the file itself may be asked for.
await page.setRequestInterception(true);
page.on('request', (request) => {
  if (request.url().startsWith('file:') && request.resourceType() === 'document') return request.continue();
  console.log(`asks for ${request.url()}`);
  return request.abort();
});
let runs = 0;
for (const file of fs.readdirSync(folder).filter((name) => name.endsWith('.html')).sort()) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    for (const width of [320, 375, 800]) {
      await page.setViewport({ width, height: 800 });
      await page.goto(pathToFileURL(path.resolve(folder, file)).href);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) console.log(`${file} scrolls sideways at ${width}: ${wide} px`);
      if (pictures) await page.screenshot({ path: path.join(pictures, `${file}-${width}-${scheme}.png`), fullPage: true });
      if (width === 320) continue;
      await page.evaluate(axe);
      const found = await page.evaluate((values) => axe.run(document, { runOnly: { type: 'tag', values } }), tags);
      runs += 1;
      for (const v of found.violations) console.log(`${file} ${width} ${scheme}: ${v.id} x${v.nodes.length} ${v.nodes[0].html.slice(0, 90)}`);
    }
  }
}
console.error(`${runs} axe runs`);
await browser.close();
