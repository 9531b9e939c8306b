/**
 * The PowerShell script beside a VHDX that makes a machine of it in Hyper-V. What the manifest says stands at
 * its top; the rest is the same for every appliance. Windows PowerShell 5.1 takes a file for the system's old
 * character set unless it begins with a byte order mark.
 */
import type { Manifest } from '../../manifest/schema.ts';
import { commentText, powerShellString } from './script-texts.ts';

/** Hyper-V counts memory in steps of 2 MiB. */
const MEMORY_STEP_BYTES = 2 * 2 ** 20;
const BYTE_ORDER_MARK = '\ufeff';

/** @param diskName the VHDX, which lies beside the script */
export function hyperVScript(manifest: Manifest, diskName: string): string {
  const { name, version, description, machine } = manifest;
  const about = commentText(`${name} ${version}`);
  const memory = Math.ceil(machine.memory / MEMORY_STEP_BYTES) * MEMORY_STEP_BYTES;
  const text = `<#
.SYNOPSIS
Makes a Hyper-V machine of the appliance ${about}.

.DESCRIPTION
Copies the disk that lies beside this script into a new folder and makes a machine around it. Nothing that is
there already is changed; after a failure, what this script has made is removed.
It has to be run by an administrator, or a member of the group Hyper-V Administrators. Where scripts are not
allowed:  powershell -ExecutionPolicy Bypass -File THIS-SCRIPT

.PARAMETER Name
The name of the machine.

.PARAMETER Path
The folder in which the machine gets a folder of its own. Without it, where this host keeps machines.

.PARAMETER SwitchName
The virtual switch that the network card is connected to (Get-VMSwitch lists them). Without it the 'Default Switch' of
Windows 10 and 11 is taken, if there is one.

.PARAMETER MemoryStartupBytes
Memory, e.g. 2GB; a multiple of 2 MB.

.PARAMETER ProcessorCount
The number of processors.

.PARAMETER Start
Starts the machine.

.EXAMPLE
& '.\\Import-Appliance.ps1' -SwitchName 'Default Switch' -Start
#>
#Requires -Version 5.1
#Requires -Modules Hyper-V
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [ValidateNotNullOrEmpty()]
    [string] $Name = ${powerShellString(name)},
    [string] $Path = '',
    [string] $SwitchName = '',
    [long] $MemoryStartupBytes = ${memory},
    [ValidateRange(1, 2048)]
    [int] $ProcessorCount = ${machine.cpus},
    [switch] $Start
)

$diskName = ${powerShellString(diskName)}
$notes = ${powerShellString(description === '' ? `${name} ${version}` : `${name} ${version}\n${description}`)}
$generation = ${machine.firmware === 'uefi' ? 2 : 1}
$hasNetwork = $${machine.network !== 'none'}
${BODY}`;
  return BYTE_ORDER_MARK + text.replaceAll(/\r?\n/g, '\r\n');
}

const BODY = `
Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

function Find-Disk {
    $disk = Join-Path $PSScriptRoot $diskName
    if (-not (Test-Path -LiteralPath $disk -PathType Leaf)) {
        throw "The disk is not there: $disk. Copy the whole folder, not only this script."
    }
    $sums = "$disk.sha256"
    if (Test-Path -LiteralPath $sums -PathType Leaf) {
        $wanted = ((Get-Content -LiteralPath $sums -TotalCount 1) -split ' ')[0]
        if ((Get-FileHash -LiteralPath $disk -Algorithm SHA256).Hash -ne $wanted) {
            throw "The disk is not what it was when it was exported: $disk. Copy it anew."
        }
    }
    return $disk
}

function Find-Switch {
    $names = @(Get-VMSwitch | ForEach-Object { $_.Name })
    if ($SwitchName -eq '') {
        if ($names -contains 'Default Switch') { return 'Default Switch' }
        Write-Warning "The network card is connected to nothing. Give -SwitchName one of: $($names -join ', ')"
        return ''
    }
    if ($names -notcontains $SwitchName) {
        throw "There is no virtual switch '$SwitchName'. There are: $($names -join ', ')"
    }
    return $SwitchName
}

if (@(Get-VM | Where-Object { $_.Name -eq $Name }).Count -gt 0) {
    throw "There is a machine '$Name' already, and it stays as it is. Give another -Name."
}
if (-not $hasNetwork -and $SwitchName -ne '') {
    throw "This appliance has no network card that could be connected to '$SwitchName'."
}
if ($MemoryStartupBytes -lt 32MB -or $MemoryStartupBytes % 2MB -ne 0) {
    throw "Hyper-V gives no machine $MemoryStartupBytes bytes of memory: it has to be a multiple of 2MB, and at least 32MB."
}
if ($Path -eq '') { $Path = (Get-VMHost).VirtualMachinePath }
$folder = Join-Path $Path $Name
if (Test-Path -LiteralPath $folder) {
    throw "The folder $folder is there already, and stays as it is. Give another -Name or -Path."
}
$source = Find-Disk
$switch = ''
if ($hasNetwork) { $switch = Find-Switch }
if (-not $PSCmdlet.ShouldProcess($Name, "Make a machine of generation $generation in $folder")) { return }

$machine = $null
try {
    # Hyper-V takes no disk whose file is sparse or compressed; a copy is neither.
    $disks = Join-Path $folder 'Virtual Hard Disks'
    New-Item -ItemType Directory -Path $disks | Out-Null
    $disk = Join-Path $disks $diskName
    Copy-Item -LiteralPath $source -Destination $disk
    Set-ItemProperty -LiteralPath $disk -Name IsReadOnly -Value $false

    $machine = New-VM -Name $Name -Path $Path -Generation $generation -MemoryStartupBytes $MemoryStartupBytes -NoVHD
    Set-VM -VM $machine -Notes $notes
    Set-VMMemory -VM $machine -DynamicMemoryEnabled $false
    Set-VMProcessor -VM $machine -Count $ProcessorCount
    Add-VMHardDiskDrive -VM $machine -Path $disk
    if (-not $hasNetwork) {
        Get-VMNetworkAdapter -VM $machine | Remove-VMNetworkAdapter
    }
    elseif ($switch -ne '') {
        Get-VMNetworkAdapter -VM $machine | Connect-VMNetworkAdapter -SwitchName $switch
    }
    if ($generation -eq 2) {
        # The boot loader bears none of the signatures that Secure Boot knows.
        $drive = Get-VMHardDiskDrive -VM $machine
        Set-VMFirmware -VM $machine -EnableSecureBoot Off -FirstBootDevice $drive
    }
    if ($Start) { Start-VM -VM $machine }
}
catch {
    $failure = $_
    if ($null -ne $machine) {
        Stop-VM -VM $machine -TurnOff -Force -ErrorAction SilentlyContinue -WarningAction SilentlyContinue
        Remove-VM -VM $machine -Force -ErrorAction SilentlyContinue
    }
    Remove-Item -LiteralPath $folder -Recurse -Force -ErrorAction SilentlyContinue
    throw $failure
}
Get-VM -Name $machine.Name | Where-Object { $_.Id -eq $machine.Id }
`;
