import assert from 'node:assert/strict';
import test from 'node:test';
import { type SourceFile, withCaptions } from './files.ts';

const file = (path: string, text = 'pixels'): SourceFile => ({ path, blob: new Blob([text]) });

test('A caption beside a picture is that picture’s, in folders that have the same names too', async () => {
  const { brought, refused } = await withCaptions([
    file('ron/1.jpg'),
    file('ron/1.txt', '\uFEFFRon the dog\nrunning\n'),
    file('smila/1.png'),
    file('smila/1.txt', 'Smila the cat'),
  ]);
  assert.deepEqual(
    brought.map(({ name, caption }) => [name, caption]),
    [
      ['1.jpg', 'Ron the dog running'],
      ['1.png', 'Smila the cat'],
    ],
  );
  assert.deepEqual(refused, []);
});

test('A captions file names pictures from its own folder or by their S3 addresses; two pictures of one name are not guessed', async () => {
  const lines = [
    { 'image-ref': 'images/a.jpg', caption: 'by path' },
    { 'image-ref': 's3://bucket/x/b.jpg', caption: 'by name' },
    { 'image-ref': 's3://bucket/x/c.jpg', caption: 'whose?' },
  ];
  const { brought } = await withCaptions([
    file('set/captions.jsonl', lines.map(line => JSON.stringify(line)).join('\r\n')),
    file('set/images/a.jpg'),
    file('set/images/b.jpg'),
    file('set/one/c.jpg'),
    file('set/other/c.jpg'),
  ]);
  assert.deepEqual(
    brought.map(({ caption }) => caption),
    ['by path', 'by name', '', ''],
  );
});

test('A table names captions as a captions file does, and those of pictures that are elsewhere are told apart', async () => {
  const { brought, others, refused } = await withCaptions([
    file('a.jpg'),
    file(
      'captions.csv',
      '\uFEFFfile_name,text\r\na.jpg,"Ron, the ""good"" dog\nrunning"\r\nfolder/b.jpg,Ron the dog\r\n',
    ),
    file('c.jpg'),
    file('c.tsv', 'c.jpg\tSmila the cat, "5"" tall'),
    file('empty.jsonl', 'no captions'),
  ]);
  assert.deepEqual(
    brought.map(({ caption }) => caption),
    ['Ron, the "good" dog\nrunning', 'Smila the cat, "5"" tall'],
  );
  assert.deepEqual([...others], [['b', 'Ron the dog']]);
  assert.deepEqual(
    refused.map(({ path }) => path),
    ['empty.jsonl'],
  );
});

test('Captions are read as kohya’s scripts, Excel and PowerShell leave them, and no letter of others is lost in silence', async () => {
  const utf16 = new Uint8Array(Buffer.from('\uFEFFein süßer Hund\r\n', 'utf16le'));
  const latin = new Uint8Array(Buffer.from('ein süßer Hund', 'latin1'));
  const { brought, refused } = await withCaptions([
    ...['10_ron dog/a.jpg', 'b.jpg', 'c.jpg', 'd.jpg', 'e.jpg'].map(path => file(path)),
    file('10_ron dog/a.caption', 'ron dog, sitting'),
    file('captions.csv', 'file_name;text\r\nC:\\my pictures\\b.jpg;Ron, the dog\r\n.\\c.jpg;Smila\r\n'),
    { path: 'd.txt', blob: new Blob([utf16]) },
    { path: 'e.txt', blob: new Blob([latin]) },
  ]);
  assert.deepEqual(
    brought.map(({ caption }) => caption),
    ['ron dog, sitting', 'Ron, the dog', 'Smila', 'ein süßer Hund', ''],
  );
  assert.deepEqual(refused, [{ path: 'e.txt', reason: 'not UTF-8 text: save it as UTF-8' }]);
});

test('A mask comes along with its picture, and a picture in a folder of that name stays one', async () => {
  const { brought } = await withCaptions([
    file('set/1.jpg'),
    file('set/masks/1.png', 'mask of 1'),
    file('set/masks/2.png'),
    file('masks/3.jpg'),
    file('4.jpg'),
    file('masks/4.png', 'mask of 4'),
    file('5.jpg'),
    file('5.png'),
    file('masks/5.png'),
  ]);
  const masks = await Promise.all(brought.map(async ({ name, mask }) => [name, await mask?.text()]));
  assert.deepEqual(masks, [
    ['1.jpg', 'mask of 1'],
    ['2.png', undefined],
    ['3.jpg', undefined],
    ['4.jpg', 'mask of 4'],
    ['5.jpg', undefined],
    ['5.png', undefined],
    ['5.png', undefined],
  ]);
});

test('What is no picture is refused by its name, and what systems leave behind is passed over', async () => {
  const { brought, refused } = await withCaptions(
    ['a.JPG', 'notes.pdf', 'b.heic', 'more.zip', 'noextension', '__MACOSX/._a.jpg', '.DS_Store', 'x/Thumbs.db'].map(
      path => file(path),
    ),
  );
  assert.deepEqual(
    brought.map(({ name }) => name),
    ['a.JPG'],
  );
  assert.deepEqual(
    refused.map(({ path }) => path),
    ['notes.pdf', 'b.heic', 'more.zip', 'noextension'],
  );
  assert.match(refused[1]?.reason ?? '', /JPEG/);
});
