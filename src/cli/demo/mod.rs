//! `demo`: three replicas on disk part, work, and reunite. It tells what happens as it happens; every
//! table it prints is read from a replica, and it fails if the replicas do not agree.

mod stage;
mod world;

use std::path::PathBuf;

use anyhow::{Context, ensure};

use self::stage::Stage;
use self::world::{REPLICAS, World};
use super::output::Output;
use crate::db::{ResolveWith, Transaction};
use crate::derive::Kind;
use crate::row;

/// Watch three replicas part and reunite
///
/// Makes three replicas in a temporary directory, fills them with the address book and the orders of a
/// shop, lets each work for itself, syncs them, and shows what became of every change.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Keep the three replicas in this new directory, to look into them afterwards
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

impl Demo {
    pub(super) fn run(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let temporary = tempfile::Builder::new().prefix("reunite-demo-").tempdir()?;
        let directory = self.keep.as_deref().unwrap_or(temporary.path());
        std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        let world = World::create(directory)?;
        let mut stage = Stage::new(output, &world);
        fill(&world, &mut stage)?;
        part(&world, &mut stage)?;
        reunite(&world, &mut stage)?;
        show_rows(&world, &mut stage)?;
        show_conflicts(&world, &mut stage)?;
        settle(&world, &mut stage)?;
        match &self.keep {
            Some(directory) => {
                let van = directory.join("van").display().to_string();
                stage.say(&format!("\nThe replicas are kept. Go on with:  reunite conflicts {van}"))?;
            }
            None => stage.say("\nThe replicas are gone now; `reunite demo --keep DIR` keeps them.")?,
        }
        world.close()
    }
}

fn fill(world: &World, stage: &mut Stage<'_, '_>) -> anyhow::Result<()> {
    stage.act("Three replicas of one database")?;
    stage.say("The office has the address book and the orders of a shop for bookbinders.")?;
    let loaded: Vec<String> = world.load()?.iter().map(|(table, rows)| format!("{rows} {table}")).collect();
    stage.say(&format!("  loaded    {}", loaded.join(", ")))?;
    stage.say("The shop copies it from the office, and the van copies it from the shop.")?;
    stage.sync("office", "shop")?;
    stage.sync("shop", "van")?;
    stage.say("There is no server: each of the three now has everything on its own disk.")
}

/// What each replica does while it is offline, and the transaction that does it.
fn part(world: &World, stage: &mut Stage<'_, '_>) -> anyhow::Result<()> {
    stage.act("Offline, all three work on")?;
    let mut did =
        |replica: &'static str,
         what: &'static str,
         work: &dyn Fn(&mut Transaction) -> Result<(), crate::commit::WriteError>| {
            world.write(replica, |tx| work(tx))?;
            stage.did(replica, what)
        };
    did("office", "writes down a new phone number of Åsa Åberg", &|tx| {
        tx.table("customer")?.update("ABERG", row! { phone: "+46 8 465 004 77" })
    })?;
    did("shop", "writes down that she moved to Uppsala", &|tx| {
        tx.table("customer")?.update("ABERG", row! { street: "Kungsgatan 8", zip: "753 21", city: "Uppsala" })
    })?;
    did("shop", "sets the price of the small bone folder to 8.50", &|tx| {
        tx.table("product")?.update("BONEF-1", row! { price: 850 })
    })?;
    did("van", "sets the same price to 8.20", &|tx| {
        tx.table("product")?.update("BONEF-1", row! { price: 820 })
    })?;
    did("office", "deletes the customer Nigel D'Arcy", &|tx| tx.table("customer")?.delete("DARCY2"))?;
    did("van", "corrects his mail address", &|tx| {
        tx.table("customer")?.update("DARCY2", row! { email: "nigel@darcy.example" })
    })?;
    did("office", "adds a customer, the Newton Bindery, with the code NEWTO", &|tx| {
        let newton = row! { code: "NEWTO", name: "Newton Bindery", city: "Bath", country: "GB" };
        tx.table("customer")?.insert(newton).map(|_| ())
    })?;
    did("van", "adds another one, Olive Newton, with the same code NEWTO", &|tx| {
        let olive = row! { code: "NEWTO", name: "Olive Newton", city: "Boston, MA", country: "US" };
        tx.table("customer")?.insert(olive).map(|_| ())
    })?;
    did("shop", "deletes the customer Zoë Wren, who never ordered anything", &|tx| {
        tx.table("customer")?.delete("WREN3")
    })?;
    did("van", "takes her first order, of two bone folders", &|tx| {
        tx.table("orders")?.insert(row! { number: 10_501, customer: "WREN3" })?;
        let line = row! { order_number: 10_501, line: 1, product: "BONEF-1", quantity: 2 };
        tx.table("order_line")?.insert(line).map(|_| ())
    })?;
    stage.say("None of them waited for another, and each change was checked and stored where it was made.")
}

fn reunite(world: &World, stage: &mut Stage<'_, '_>) -> anyhow::Result<()> {
    stage.act("They meet, two at a time, and nobody is in the middle")?;
    stage.say("Any two can sync, in any order, as often as they like.")?;
    stage.sync("office", "shop")?;
    stage.sync("shop", "van")?;
    stage.sync("van", "office")?;
    let rows = world.compare()?;
    stage.say(&format!(
        "All three have the same {rows} rows now, and the same conflicts. Compared one by one."
    ))
}

fn show_rows(world: &World, stage: &mut Stage<'_, '_>) -> anyhow::Result<()> {
    stage.act("What is in the tables")?;
    stage
        .say("Changes of different columns are both there. Where only one could stay, all replicas chose")?;
    stage.say(
        "the same one by themselves, and the tables keep every key, reference and rule of the schema.",
    )?;
    stage.rows("customer", &["ABERG", "DARCY2", "NEWTO", "WREN3"], &["name", "phone", "street", "city"])?;
    stage.rows("product", &["BONEF-1"], &["name", "price"])?;
    stage.rows("orders", &["10501"], &["customer"])?;
    let _ = world;
    Ok(())
}

fn show_conflicts(world: &World, stage: &mut Stage<'_, '_>) -> anyhow::Result<()> {
    stage.act("What is in the conflict tables")?;
    stage.say("What lost is not gone. Every replica lists it, under the same id, with what won instead.")?;
    for replica in REPLICAS {
        stage.conflicts(replica)?;
    }
    world.compare()?;
    stage.say("The three lists are the same.")
}

fn settle(world: &World, stage: &mut Stage<'_, '_>) -> anyhow::Result<()> {
    stage.act("One decision, made once")?;
    let find = |kind: Kind| -> anyhow::Result<_> {
        let mut conflicts = world.conflicts("shop")?.into_iter();
        conflicts
            .find(|conflict| conflict.kind == kind)
            .with_context(|| format!("no {} conflict", kind.name()))
    };
    let clash = find(Kind::Unique)?;
    stage.say("Both Newtons are customers. The shop gives the hidden one a code of its own:")?;
    world.write("shop", |tx| tx.resolve(clash.id, ResolveWith::Rename(row! { code: "NEWTO2" })))?;
    stage.did("shop", &format!("resolve {} rename {{\"code\":\"NEWTO2\"}}", stage::short(clash.id)))?;
    stage.sync("shop", "van")?;
    stage.sync("van", "office")?;
    for replica in REPLICAS {
        let left = world.conflicts(replica)?;
        ensure!(left.iter().all(|conflict| conflict.id != clash.id), "{replica} still lists the conflict");
        stage.did(replica, &format!("lists {} open conflicts, and this one no more", left.len()))?;
    }
    world.compare()?;
    stage.rows("customer", &["NEWTO", "NEWTO2"], &["name", "city"])
}
