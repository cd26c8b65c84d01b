// Opens a report in Chromium and checks what a reader would notice.
//   node tests/page/check_page.mjs report.html [--screenshots DIR]
// Environment: CHROMIUM, the browser (default /usr/bin/chromium).
// Exit status: 0 all checks hold, 1 some do not, 2 wrong call.

import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(join(here, '../../web/package.json'));
const { chromium } = require('playwright-core');

const kDesk = { width: 1280, height: 900 };
const kPhone = { width: 360, height: 740 };

const failures = [];
let n_checks = 0;
function check(holds, what) {
  n_checks += 1;
  if (!holds) {
    failures.push(what);
    console.error(`FAILED  ${what}`);
  }
}

function arguments_of(argv) {
  const found = { report: '', screenshots: '' };
  for (let i = 0; i < argv.length; i += 1) {
    if (argv[i] === '--screenshots') found.screenshots = argv[(i += 1)] ?? '';
    else if (!found.report) found.report = argv[i];
    else return null;
  }
  return found.report && existsSync(found.report) ? found : null;
}

// A page that tells of every error and every request that leaves the file.
async function open(browser, url, viewport, options = {}) {
  const context = await browser.newContext({ viewport, ...options });
  const page = await context.newPage();
  const name = `${viewport.width} px`;
  page.on('console', (m) => {
    if (['error', 'warning'].includes(m.type())) check(false, `${name}: console: ${m.text()}`);
  });
  page.on('pageerror', (e) => check(false, `${name}: error in the page: ${e.message}`));
  page.on('request', (r) => {
    const is_local = /^(file|data|blob):/.test(r.url());
    if (!is_local) check(false, `${name}: request to ${r.url()}`);
  });
  await page.goto(url, { waitUntil: 'load' });
  await page.waitForTimeout(300);
  return { context, page };
}

async function check_charts(page, name) {
  const figures = await page.$$eval('section.figure', (sections) =>
    sections.map((s) => {
      const svg = s.querySelector('.chart svg');
      const box = svg?.getBoundingClientRect();
      const marks = svg ? svg.querySelectorAll('path, rect, circle').length : 0;
      return {
        id: s.id,
        marks,
        width: box?.width ?? 0,
        height: box?.height ?? 0,
        label: s.querySelector('.chart')?.getAttribute('aria-label') ?? '',
        text: svg?.textContent ?? '',
      };
    }),
  );
  for (const f of figures) {
    check(f.marks > 5, `${name}: ${f.id}: chart is drawn (${f.marks} marks)`);
    check(f.width > 200 && f.height > 80, `${name}: ${f.id}: chart has a size`);
    check(f.label.length > 20, `${name}: ${f.id}: chart has a text alternative`);
    check(!/NaN|undefined/.test(f.text + f.label), `${name}: ${f.id}: no NaN or undefined in words`);
  }
  return figures.map((f) => f.id);
}

// A cell of the heat map tells its sentence under the pointer.
async function check_heat_map(page) {
  const section = page.locator('#table-bottlenecks.figure');
  if ((await section.count()) === 0) return;
  await section.scrollIntoViewIfNeeded();
  const cell = await section.locator('.chart').evaluate((chart) => {
    const boxes = [...chart.querySelectorAll('svg path')].map((p) => p.getBoundingClientRect());
    const cells = boxes.filter((b) => b.height > 14 && b.height < 24 && b.width > 4 && b.width < 60);
    const b = cells[Math.floor(cells.length / 2)];
    return b ? { x: b.x + b.width / 2, y: b.y + b.height / 2 } : null;
  });
  check(cell !== null, 'heat map has cells');
  if (!cell) return;
  await page.mouse.move(cell.x, cell.y);
  await page.waitForTimeout(200);
  const text = await section.locator('.chart').innerText();
  const sentences = await page.evaluate(() => {
    const data = JSON.parse(document.getElementById('astrolabe-data').textContent);
    const table = data.tables.find((t) => t.name === 'bottlenecks');
    const i = table.columns.findIndex((c) => c.name === 'sentence');
    return table.rows.map((r) => r[i]);
  });
  check(sentences.some((s) => text.includes(s)), 'heat map tells the sentence of a cell');
  await page.mouse.move(0, 0);
}

// Tables of the data that are neither a chart nor a table of the page.
async function check_sections(page) {
  const missing = await page.evaluate(() => {
    const data = JSON.parse(document.getElementById('astrolabe-data').textContent);
    return {
      tables: data.tables.filter((t) => !document.getElementById(`table-${t.name}`)).map((t) => t.name),
      headlines: data.headlines.filter((h) => !document.body.innerText.includes(h.label)).length,
      contents: [...document.querySelectorAll('nav a')].filter(
        (a) => !document.getElementById(a.getAttribute('href').slice(1)),
      ).length,
    };
  });
  check(missing.tables.length === 0, `every table is on the page (missing: ${missing.tables})`);
  check(missing.headlines === 0, 'every headline is on the page');
  check(missing.contents === 0, 'every link of the contents has a target');
}

async function check_choices(page) {
  const selects = await page.$$('section.figure select');
  for (const s of selects) {
    const values = await s.$$eval('option', (options) => options.map((o) => o.value));
    await s.selectOption(values[values.length - 1]);
  }
  await check_charts(page, 'after choosing the last option');
  for (const s of selects) {
    await s.selectOption((await s.$$eval('option', (options) => options.map((o) => o.value)))[0]);
  }
}

async function check_tables(page) {
  const section = page.locator('section.figure').first();
  if ((await section.count()) === 0) return;
  const toggle = section.getByRole('button', { name: 'Table' });
  await toggle.click();
  check((await section.locator('.chart-table tbody tr').count()) > 0, 'table button shows rows');
  const header = section.locator('.chart-table th .sort').first();
  await header.click();
  const th = section.locator('.chart-table th').first();
  check((await th.getAttribute('aria-sort')) !== null, 'a click on a header sorts');
  const link = section.locator('.chart-table a[download]');
  const href = await link.evaluate((a) => {
    a.addEventListener('click', (e) => e.preventDefault());
    a.click();
    return a.href;
  });
  check(href.startsWith('data:text/csv') && href.includes('%0A'), 'CSV link holds the table');
  await toggle.click();
}

async function check_sources(page) {
  // Collapsed tables are drawn when they are opened.
  const closed = page.locator('#tables details:not([open])');
  while ((await closed.count()) > 0) await closed.first().evaluate((d) => (d.open = true));
  await page.waitForTimeout(300);
  const without = await page.evaluate(() => {
    const data = JSON.parse(document.getElementById('astrolabe-data').textContent);
    const n_headlines = data.headlines.filter((h) => h.facts.length > 0).length;
    const tables = data.tables.filter((t) => t.columns.some((c) => c.facts.length > 0));
    const bare = tables.filter((t) => !document.querySelector(`#table-${t.name} button.sources`));
    const n_cards = document.querySelectorAll('.headlines button.sources').length;
    return [...bare.map((t) => t.name), ...(n_cards < n_headlines ? ['headlines'] : [])];
  });
  check(without.length === 0, `every sourced figure has a button (not: ${without})`);
  await page.evaluate(() => {
    for (const d of document.querySelectorAll('#tables details')) d.open = false;
  });
  if ((await page.locator('button.sources').count()) === 0) return;
  const visible = page.locator('button.sources:visible');
  for (let i = 0; i < Math.min(await visible.count(), 12); i += 1) {
    await visible.nth(i).click();
    const panel = page.locator('#sources-panel');
    check(await panel.isVisible(), `sources button ${i}: panel opens`);
    const links = await panel.locator('a.to-list').evaluateAll((as) =>
      as.map((a) => ({ href: a.getAttribute('href'), is_there: !!document.getElementById(a.hash.slice(1)) })),
    );
    check(links.length > 0, `sources button ${i}: panel lists facts`);
    for (const l of links) check(l.is_there, `sources button ${i}: ${l.href} exists`);
    await page.keyboard.press('Escape');
    check(!(await panel.isVisible()), `sources button ${i}: Escape closes the panel`);
  }
  await visible.first().click();
  const link = page.locator('#sources-panel a.to-list:visible').first();
  if ((await link.count()) > 0) {
    const id = (await link.getAttribute('href')).slice(1);
    await link.click();
    await page.waitForTimeout(100);
    const target = page.locator(`[id="${id}"]`);
    check(await target.isVisible(), `link to ${id} opens the list of sources there`);
    const box = await target.boundingBox();
    check(box && box.y > -5 && box.y < 900, `link to ${id} scrolls to it`);
  } else {
    await page.keyboard.press('Escape');
  }
  const outside = await page.$$eval('#sources a[target=_blank]', (as) =>
    as.filter((a) => !/^https?:/.test(a.href) || !a.rel.includes('noopener')).length,
  );
  check(outside === 0, 'links to sources are http links that give no handle on this page');
}

async function check_overflow(page, name) {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const inside_scroll = (e) => e.closest('.scroll') !== null;
    const found = [...document.querySelectorAll('body *')]
      .filter((e) => !inside_scroll(e) && e.getBoundingClientRect().right > width + 1)
      .map((e) => `${e.tagName.toLowerCase()}.${e.className}`);
    return { page: document.documentElement.scrollWidth - width, found: found.slice(0, 5) };
  });
  check(wide.page <= 0, `${name}: the page does not scroll sideways (${wide.page} px, ${wide.found})`);
}

async function shoot(page, directory, name, full = true) {
  if (directory) await page.screenshot({ path: join(directory, `${name}.png`), fullPage: full });
}

async function check_desk(browser, url, screenshots) {
  const { context, page } = await open(browser, url, kDesk);
  check((await page.title()) !== 'Astrolabe', 'the page has the title of its data');
  await check_charts(page, 'desk');
  await check_sections(page);
  await shoot(page, screenshots, 'desk');
  await check_heat_map(page);
  await check_choices(page);
  await check_tables(page);
  await check_sources(page);
  await check_overflow(page, 'desk');
  if (screenshots) {
    await page.locator('button.sources:visible').first().click();
    await shoot(page, screenshots, 'panel', false);
  }
  await context.close();
}

async function check_phone(browser, url, screenshots) {
  const { context, page } = await open(browser, url, kPhone, { hasTouch: true, isMobile: true });
  await check_charts(page, 'phone');
  await check_overflow(page, 'phone');
  await shoot(page, screenshots, 'phone');
  await page.evaluate(() => document.querySelectorAll('details').forEach((d) => (d.open = true)));
  await page.waitForTimeout(200);
  await check_overflow(page, 'phone, all open');
  await context.close();
}

async function check_dark(browser, url, screenshots) {
  const { context, page } = await open(browser, url, kDesk, { colorScheme: 'dark' });
  await check_charts(page, 'dark');
  await shoot(page, screenshots, 'dark');
  await context.close();
}

async function check_print(browser, url, screenshots) {
  const { context, page } = await open(browser, url, kDesk);
  const path = screenshots ? join(screenshots, 'print.pdf') : undefined;
  const pdf = await page.pdf({ path, format: 'A4', printBackground: true });
  check(pdf.length > 5000, `prints to PDF (${pdf.length} bytes)`);
  check(pdf.subarray(0, 5).toString() === '%PDF-', 'what is printed is a PDF');
  await check_charts(page, 'after printing');
  await context.close();
}

async function main() {
  const given = arguments_of(process.argv.slice(2));
  if (!given) {
    console.error('usage: node tests/page/check_page.mjs report.html [--screenshots DIR]');
    return 2;
  }
  if (given.screenshots) mkdirSync(given.screenshots, { recursive: true });
  const url = pathToFileURL(resolve(given.report)).href;
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  try {
    await check_desk(browser, url, given.screenshots);
    await check_phone(browser, url, given.screenshots);
    await check_dark(browser, url, given.screenshots);
    await check_print(browser, url, given.screenshots);
  } finally {
    await browser.close();
  }
  console.log(`${n_checks - failures.length} of ${n_checks} checks hold: ${given.report}`);
  return failures.length > 0 ? 1 : 0;
}

process.exitCode = await main();
